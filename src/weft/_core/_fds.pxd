"""Waits on file descriptors; see _fds.pyx."""

from libc.stdint cimport int64_t

from weft._core._hub cimport Hub
from weft._core._poller cimport FdState

cdef int wait_fd(Hub hub, FdState* fs, int direction, bint own, int64_t deadline) except -1
cdef int wait_one(int fd, int direction, double deadline) except -1
cdef int look(int fd, short events) noexcept
