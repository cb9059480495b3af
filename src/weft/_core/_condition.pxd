"""Condition; see _condition.pyx."""

from libc.stdint cimport int64_t

from weft._core._mutex cimport Mutex
from weft._core._waitlist cimport WaitList

cdef class Condition:
    cdef WaitList waiters        # head: tasks that wait to be notified, oldest first
    cdef readonly Mutex lock     # what guards the state that they wait for
    cdef object __weakref__

    cdef bint pause(self, int64_t deadline) except -1
