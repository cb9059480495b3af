from libc.stdint cimport int64_t, uint64_t

from weft._core._poller cimport FdState, Poller

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        uint64_t u64
    struct epoll_event:
        unsigned int events
        epoll_data_t data

cdef class EpollPoller(Poller):
    cdef int epfd
    cdef int wakefd              # eventfd: other threads end a wait through it
    cdef epoll_event* events
    cdef bint has_pwait2         # waits below a millisecond (Linux 5.11)

    cdef int ask(self, int64_t timeout) except -1
    cdef int ask_timed(self, int64_t timeout) noexcept
