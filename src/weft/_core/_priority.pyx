# cython: binding=False
"""PriorityQueue: the stdlib's API, for tasks and threads alike.

Owns: the heap. A caller parks where it does in a Queue; see _queue.pyx.

The heap is ordered by comparing items, which may run Python code, and let
others in. So a place is sought first and taken then, if nobody has changed the
heap; else it is sought again. An error in a comparison comes out of the call
that compares, and leaves the queue as it was.
"""

cimport cython
from cpython.object cimport Py_LT, PyObject_RichCompareBool
from libc.stdint cimport uint64_t

from weft._core._exchange cimport NOTHING
from weft._core._queue cimport Queue
from weft._core._waitlist cimport list_empty
from weft._core._waits cimport wake_first


# As a Queue: in a cycle with its items it is taken apart through its list.
@cython.no_gc_clear
cdef class PriorityQueue(Queue):
    """A :class:`Queue` that gives the smallest item first; as :class:`queue.PriorityQueue`.

    Items are compared with ``<``; what that raises comes out of the put or
    get that compares, and then nothing is put or got.
    """

    def __cinit__(self, *args, **kwargs):
        self.items = []

    cdef bint store(self, object item) except -1:
        """Seek up from the end for the place of ``item``, then move what is above down."""
        cdef list heap = self.items
        cdef uint64_t changes = self.changes
        cdef Py_ssize_t hole = len(heap), place = hole
        cdef bint smaller
        while place > 0:
            above = heap[(place - 1) >> 1]
            smaller = PyObject_RichCompareBool(item, above, Py_LT)
            if self.changes != changes:
                return False
            if not smaller:
                break
            place = (place - 1) >> 1
        self.changes += 1
        heap.append(item)
        while hole > place:
            heap[hole] = heap[(hole - 1) >> 1]
            hole = (hole - 1) >> 1
        heap[place] = item
        return True

    cdef object fetch(self):
        """Seek where the last item goes when the path of smallest ones moves up to the root."""
        cdef list heap = self.items
        cdef uint64_t changes = self.changes
        cdef Py_ssize_t place = lowest(self, heap)
        cdef Py_ssize_t end = len(heap) - 1
        cdef bint smaller
        if self.changes != changes:
            return NOTHING
        item = heap[end]
        while place > 0:
            smaller = PyObject_RichCompareBool(item, heap[place], Py_LT)
            if self.changes != changes:
                return NOTHING
            if not smaller:
                break
            place = (place - 1) >> 1
        self.changes += 1
        heap.pop()
        if end == 0:
            return item
        while True:
            heap[place], item = item, heap[place]
            if place == 0:
                return item
            place = (place - 1) >> 1

    cdef int put_first(self, object item) except -1:
        while not self.store(item):
            pass
        return 0

    # A waiting putter compares its item itself. So it is promised the place and woken.

    cdef void admit(self) noexcept:
        if not self.is_full() and wake_first(&self.putters, None) is not None:
            self.promised += 1

    cdef int fill(self, object item) except -1:
        """Put ``item`` in the promised place, or hand it over and pass the place on."""
        cdef bint done = False
        try:
            while not done:
                if self.closed:
                    raise self.refusal()
                done = not list_empty(&self.getters) and wake_first(&self.getters, item) is not None
                done = done or self.store(item)
            self.accepted += 1
        finally:
            self.forgo()
        return 0

    cdef void forgo(self) noexcept:
        self.promised -= 1
        self.admit()


cdef Py_ssize_t lowest(PriorityQueue self, list heap) except -1:
    """Where the path that follows the smaller child ends, not counting the last item."""
    cdef uint64_t changes = self.changes
    cdef Py_ssize_t end = len(heap) - 1, place = 0, child = 1
    cdef bint smaller
    while child < end:
        if child + 1 < end:
            left, right = heap[child], heap[child + 1]
            smaller = PyObject_RichCompareBool(left, right, Py_LT)
            if self.changes != changes:
                break
            child += not smaller
        place = child
        child = 2 * place + 1
    return place
