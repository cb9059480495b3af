"""The clock that deadlines are on; see _clock.pyx."""

from libc.stdint cimport int64_t

from weft._core._sys cimport weft_now_ns

# ns of the virtual clock, which stands still until its hub moves it; 0: there is none.
cdef int64_t virtual_ns
# ns to add to the virtual clock for the time since 1970.
cdef int64_t virtual_date

# ns of the virtual clock if it is the calling thread's, else 0.
cdef int64_t own_virtual_ns() noexcept nogil
# Whether the virtual clock is the calling thread's from now on.
cdef void own_virtual_clock(bint own) noexcept nogil


cdef inline int64_t now_ns() noexcept nogil:
    """CLOCK_MONOTONIC in ns, unless a test has put a virtual clock in its place."""
    return weft_now_ns() if not virtual_ns else own_virtual_ns() or weft_now_ns()
