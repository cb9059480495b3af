"""The clock that deadlines are on: CLOCK_MONOTONIC, or a virtual one while a test wants that.

Owns: the virtual time, and which thread it is for; all others keep the real
one, so that what they wait for comes. Its hub moves it on to the next deadline
when every task parks. Nothing here parks.
"""

from libc.stdint cimport int64_t

cdef extern from *:
    """
    static __thread int weft_keeps_time;
    """
    int weft_keeps_time

cdef int64_t virtual_ns = 0
cdef int64_t virtual_date = 0


cdef int64_t own_virtual_ns() noexcept nogil:
    return virtual_ns if weft_keeps_time else 0


cdef void own_virtual_clock(bint own) noexcept nogil:
    global weft_keeps_time
    weft_keeps_time = own
