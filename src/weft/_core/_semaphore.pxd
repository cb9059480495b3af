"""Semaphore, BoundedSemaphore; see _semaphore.pyx."""

from libc.stdint cimport int64_t

from weft._core._waitlist cimport WaitList

cdef class Semaphore:
    cdef WaitList waiters        # head: tasks that wait, oldest first; none while value > 0
    cdef Py_ssize_t value        # how many may still pass
    cdef Py_ssize_t bound        # what value must not exceed; -1 for no bound
    cdef object __weakref__

    cdef bint take(self, int64_t deadline) except -1
    cdef bint wait(self, int64_t deadline) except -1
    cdef int put(self) except -1
    cdef void give(self) noexcept

cdef class BoundedSemaphore(Semaphore):
    pass
