"""The clock that deadlines are on; see _clock.pyx."""

from libc.stdint cimport int64_t

from weft._core._sys cimport weft_now_ns

# ns of the virtual clock, which stands still until the hub moves it; 0: the real clock is used.
cdef int64_t virtual_ns


cdef inline int64_t now_ns() noexcept nogil:
    """CLOCK_MONOTONIC in ns, unless a test has put a virtual clock in its place."""
    return virtual_ns if virtual_ns else weft_now_ns()
