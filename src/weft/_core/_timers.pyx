"""The deadlines of one hub: a 4-ary heap of timers that live in their owners.

Owns: the order of deadlines. Must not know: tasks, scopes, the clock.
Nothing here parks; the hub pops what expired and wakes the owner.

Each timer knows its place, so cancelling is O(log n) and leaves nothing
behind: sockets with a timeout arm and cancel one per wait. Four children a
node halve the depth of a binary heap, and a node's children share a cache
line or two (LaMarca and Ladner, "The influence of caches on the performance
of heaps", 1996).
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, realloc

from weft._core._sys cimport forever


cdef inline bint before(Slot* a, Slot* b) noexcept nogil:
    return a.when < b.when or (a.when == b.when and a.order < b.order)


cdef class TimerHeap:
    """Deadlines in order; not thread-safe, used by its hub's thread alone."""

    def __dealloc__(self):
        free(self.heap)

    cdef int arm(self, Timer* timer, int64_t when) except -1:
        """Put ``timer`` in, to expire at ``when``. It must not be armed."""
        cdef Py_ssize_t room
        cdef Slot* grown
        cdef Slot slot
        if self.size == self.capacity:
            room = self.capacity * 2 if self.capacity else 64
            grown = <Slot*>realloc(self.heap, room * sizeof(Slot))
            if grown == NULL:
                raise MemoryError
            self.heap = grown
            self.capacity = room
        timer.when = when
        slot.when = when
        slot.order = self.next_order
        slot.timer = timer
        self.next_order += 1
        self.size += 1
        sift_up(self.heap, self.size - 1, slot)
        return 0

    cdef void cancel(self, Timer* timer) noexcept:
        """Take ``timer`` out if it is armed."""
        cdef Py_ssize_t place = timer.place
        cdef Slot last
        if place < 0:
            return
        timer.place = -1
        self.size -= 1
        if place == self.size:
            return
        last = self.heap[self.size]
        if place > 0 and before(&last, &self.heap[(place - 1) >> 2]):
            sift_up(self.heap, place, last)
        else:
            sift_down(self.heap, self.size, place, last)

    cdef Timer* pop_expired(self, int64_t now) noexcept:
        """The earliest timer if its deadline is at or before ``now``, else NULL."""
        cdef Timer* timer
        if self.size == 0 or self.heap[0].when > now:
            return NULL
        timer = self.heap[0].timer
        self.cancel(timer)
        return timer

    cdef int64_t next_deadline(self) noexcept:
        return self.heap[0].when if self.size else forever()

    cdef void shift(self, int64_t ns) noexcept:
        """Move every deadline by ``ns``, since the clock itself was moved; "never" stays never."""
        cdef Py_ssize_t i
        for i in range(self.size):
            if ns < 0 or self.heap[i].when < forever() - ns:
                self.heap[i].when += ns
                self.heap[i].timer.when += ns

    cdef void keep(self, bint (*wanted)(PyObject*, PyObject*) noexcept, PyObject* whom) noexcept:
        """Forget every timer but those for which ``wanted(owner, whom)``."""
        cdef Py_ssize_t i, kept = 0
        cdef Slot slot
        for i in range(self.size):
            slot = self.heap[i]
            if wanted(slot.timer.owner, whom):
                sift_up(self.heap, kept, slot)
                kept += 1
            else:
                slot.timer.place = -1
        self.size = kept


cdef void sift_up(Slot* heap, Py_ssize_t place, Slot slot) noexcept nogil:
    cdef Py_ssize_t parent
    while place > 0:
        parent = (place - 1) >> 2
        if not before(&slot, &heap[parent]):
            break
        heap[place] = heap[parent]
        heap[place].timer.place = place
        place = parent
    heap[place] = slot
    slot.timer.place = place


cdef void sift_down(Slot* heap, Py_ssize_t size, Py_ssize_t place, Slot slot) noexcept nogil:
    cdef Py_ssize_t child, best, end
    while True:
        child = (place << 2) + 1
        if child >= size:
            break
        best = child
        end = min(child + 4, size)
        child += 1
        while child < end:
            if before(&heap[child], &heap[best]):
                best = child
            child += 1
        if not before(&heap[best], &slot):
            break
        heap[place] = heap[best]
        heap[place].timer.place = place
        place = best
    heap[place] = slot
    slot.timer.place = place
