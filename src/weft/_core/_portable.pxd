"""PollPoller and SelectPoller; see _portable.pyx."""

from libc.stdint cimport int64_t

from weft._core._poller cimport FdState, Poller
from weft._core._sys cimport pollfd

cdef extern from "<sys/select.h>" nogil:
    ctypedef struct fd_set:
        pass

cdef class PortablePoller(Poller):
    cdef int wake_read           # a pipe: other threads end a wait through it
    cdef int wake_write

    # What the two differ in:
    cdef int want(self, int fd, short events) except -1
    cdef void unwant(self, int fd) noexcept
    cdef int ask(self, int64_t timeout) except -1

    cdef int answered(self, int n) except -1
    cdef void report(self, int fd, short events) noexcept
    cdef void drain(self) noexcept

cdef class PollPoller(PortablePoller):
    cdef pollfd* wanted          # what to ask for, in no order
    cdef pollfd* asked           # a copy: other threads may change ``wanted`` during a wait
    cdef int* place              # by fd: its index in ``wanted``, -1 when it is not in there
    cdef int count
    cdef int room                # in ``wanted`` and ``asked``
    cdef int places              # in ``place``

    cdef int make_room(self, int fd) except -1

cdef class SelectPoller(PortablePoller):
    cdef fd_set reading
    cdef fd_set writing
    cdef int most                # no descriptor from here on is in a set

    cdef int report_closed(self) except -1
