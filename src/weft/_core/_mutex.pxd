"""Lock and RLock; see _mutex.pyx."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from weft._core._task cimport Task
from weft._core._waitlist cimport WaitList

cdef class Mutex:
    cdef WaitList waiters        # head: tasks that wait, oldest first; none while it is free
    cdef Task holder             # who has it, finished or not; None while it is free
    cdef unsigned long again     # how often the holder has it beyond the first; 0 in a Lock
    cdef object __weakref__

    cdef bint take(self, PyObject* me, int64_t deadline) except -1
    cdef bint wait(self, int64_t deadline, bint cancellable) except -1
    cdef void give(self) noexcept
    cdef int require_holder(self, str what, str remedy) except -1
    cdef int retake(self, list thrown) except -1

cdef class Lock(Mutex):
    pass

cdef class RLock(Mutex):
    pass

# The running task, borrowed, of the hub that is made if there is none.
cdef PyObject* running_task() except NULL
