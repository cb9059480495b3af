"""Event; see _event.pyx."""

from libc.stdint cimport int64_t

from weft._core._waitlist cimport WaitList
from weft._core._waits cimport Selectable

cdef class Event(Selectable):
    cdef WaitList waiters        # head: those who wait, oldest first; none while it is set
    cdef bint flag               # whether it is set
    cdef object __weakref__

    cdef bint pause(self, int64_t deadline) except -1
