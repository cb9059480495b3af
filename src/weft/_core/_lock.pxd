"""Lock and RLock; see _lock.pyx."""

from libc.stdint cimport int64_t, uint64_t

from weft._core._waitlist cimport WaitList

cdef class Lock:
    cdef WaitList waiters    # head: tasks that wait, oldest first
    cdef uint64_t taker      # who took it last: Task.id, or the ident of a thread without a hub
    cdef bint held           # never False while somebody waits
    cdef bint is_signal      # a condition's: waiting for it is waiting for news, and cancellable
    cdef bint is_latch       # opens once, for all who wait and all who come
    cdef bint is_open        # a latch that was released; nobody holds or awaits it
    cdef object __weakref__

    cdef bint take(self, int64_t patience) except -1
    cdef bint wait(self, int64_t patience) except -1
    cdef bint wait_for_news(self, int64_t patience) except -1
    cdef void give(self) noexcept

cdef class RLock:
    cdef WaitList waiters    # head: tasks that wait, oldest first
    cdef unsigned long owner  # get_ident() of who holds it; 0 exactly when count is 0
    cdef unsigned long count  # how often the owner holds it
    cdef object __weakref__

    cdef bint take(self, int64_t patience) except -1
    cdef bint wait(self, int64_t patience) except -1
    cdef int undo(self) except -1
    cdef void give(self) noexcept
