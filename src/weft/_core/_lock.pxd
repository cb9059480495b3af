"""Lock and RLock; see _lock.pyx."""

from libc.stdint cimport int64_t

from weft._core._hub cimport Hub
from weft._core._task cimport Task
from weft._core._waitlist cimport WaitList

cdef class Lock:
    cdef WaitList waiters    # head: tasks that wait, oldest first
    cdef bint held           # never False while somebody waits
    cdef bint is_signal      # a condition's: waiting for it is waiting for news, and cancellable
    cdef object __weakref__

    cdef bint take(self, int64_t patience) except -1
    cdef bint wait(self, int64_t patience) except -1
    cdef void give(self) noexcept

cdef class RLock:
    cdef WaitList waiters    # head: tasks that wait, oldest first
    cdef unsigned long owner  # get_ident() of who holds it; 0 exactly when count is 0
    cdef unsigned long count  # how often the owner holds it
    cdef object __weakref__

    cdef bint take(self, int64_t patience) except -1
    cdef bint wait(self, int64_t patience) except -1
    cdef void give(self) noexcept

# Wake the first of a list that can still be woken, with ``value``; None when there is none.
cdef Task wake_first(WaitList* waiters, object value)
# A task that never parks lets others run all the same, when its time is up.
cdef int breathe() except -1
# What acquire() is given, in ns: 0 not to wait, forever() for no limit.
cdef int64_t patience_of(object blocking, object timeout) except -1
cdef int64_t deadline_after(int64_t patience) noexcept
