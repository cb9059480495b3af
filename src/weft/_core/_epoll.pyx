"""The native poller of Linux.

An owned socket is registered once, edge-triggered, and OUT is added at its
first full send: with IN|OUT from the start every send on a UDP or Unix socket
would cost a spurious event. A foreign descriptor is armed one-shot for each
wait. ``update`` and ``forget`` may come from the thread that closes a socket;
the kernel locks epoll itself.
"""

from libc.errno cimport EEXIST, EINTR, ENOENT, ENOSYS, EPERM, errno
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc

from weft._core._poller cimport (
    READ,
    SEEN_END,
    SEEN_IN,
    SEEN_OUT,
    WRITE,
    FdState,
    Poller,
    known,
)
from weft._core._sys cimport NSEC, c_close, c_write, forever

cdef extern from "<sys/epoll.h>" nogil:
    int epoll_create1(int flags)
    int epoll_ctl(int epfd, int op, int fd, epoll_event* event)
    int epoll_wait(int epfd, epoll_event* events, int most, int timeout)
    enum: EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD
    enum: EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLERR, EPOLLHUP, EPOLLRDHUP
    enum: EPOLLET, EPOLLONESHOT

cdef extern from "<sys/eventfd.h>" nogil:
    int eventfd(unsigned int start, int flags)
    enum: EFD_CLOEXEC, EFD_NONBLOCK

cdef extern from *:
    """
    #include <sys/syscall.h>
    #include <unistd.h>
    #include <sys/epoll.h>

    /* glibc before 2.35 has no wrapper; -1 with ENOSYS where the kernel has no such call. */
    static inline int weft_epoll_pwait2(int epfd, struct epoll_event *events, int most,
                                        long long seconds, long nanoseconds) {
    #ifdef SYS_epoll_pwait2
        struct { long long tv_sec; long long tv_nsec; } ts = {seconds, nanoseconds};
        return syscall(SYS_epoll_pwait2, epfd, events, most, &ts, NULL, 0);
    #else
        errno = ENOSYS;
        return -1;
    #endif
    }
    """
    int weft_epoll_pwait2(int epfd, epoll_event* events, int most,
                          long long seconds, long nanoseconds) nogil

cdef enum:
    MOST_EVENTS = 512            # a wait: 6 KiB of buffer

# Marks the eventfd: no descriptor has this number.
cdef uint64_t WAKE = <uint64_t>-1


cdef class EpollPoller(Poller):
    """epoll, with an eventfd for other threads to end a wait."""

    def __cinit__(self):
        cdef epoll_event ev
        self.name = "epoll"
        self.edge_triggered = True
        self.has_pwait2 = True
        self.epfd = self.wakefd = -1
        self.events = <epoll_event*>malloc(MOST_EVENTS * sizeof(epoll_event))
        if self.events == NULL:
            raise MemoryError
        self.epfd = epoll_create1(EPOLL_CLOEXEC)
        if self.epfd < 0:
            raise_errno()
        self.wakefd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
        if self.wakefd < 0:
            raise_errno()
        # Edge-triggered, so that it need never be read: each write is an edge.
        ev.events = EPOLLIN | EPOLLET
        ev.data.u64 = WAKE
        if epoll_ctl(self.epfd, EPOLL_CTL_ADD, self.wakefd, &ev) < 0:
            raise_errno()

    def __dealloc__(self):
        self.close(False)
        free(self.events)

    def fileno(self):
        """The epoll descriptor; -1 once closed."""
        return self.epfd

    cdef int update(self, FdState* fs, int wanted, bint own) except -1:
        cdef epoll_event ev
        cdef int op, err
        ev.events = 0
        if wanted & READ:
            ev.events |= EPOLLIN | EPOLLPRI | EPOLLRDHUP
        if wanted & WRITE:
            ev.events |= EPOLLOUT
        ev.events |= EPOLLET if own else EPOLLONESHOT
        ev.data.u64 = <uint64_t>fs.sequence << 32 | <uint32_t>fs.fd
        op = EPOLL_CTL_MOD if fs.present else EPOLL_CTL_ADD
        # A foreign descriptor's registration ends unseen when the file is
        # closed: whichever operation is refused, the other one is right.
        while epoll_ctl(self.epfd, op, fs.fd, &ev) < 0:
            err = errno
            if err == EEXIST and op == EPOLL_CTL_ADD:
                op = EPOLL_CTL_MOD
            elif err == ENOENT and op == EPOLL_CTL_MOD:
                op = EPOLL_CTL_ADD
            elif err == EPERM:
                return 0
            else:
                raise_errno()
        if not fs.armed:
            self.registered += 1
        fs.armed = wanted
        fs.owned = own
        fs.present = 1
        return 1

    cdef void remove(self, FdState* fs) noexcept:
        cdef epoll_event ev
        if fs.armed:
            self.registered -= 1
        fs.armed = fs.present = 0
        # Refused with ENOENT or EBADF when it was closed behind our back: gone either way.
        epoll_ctl(self.epfd, EPOLL_CTL_DEL, fs.fd, &ev)

    cdef int wait(self, int64_t timeout) except -1:
        cdef int n, i, what
        cdef uint32_t events
        cdef uint64_t data
        cdef FdState* fs
        self.interrupted = False
        n = self.ask(timeout)
        for i in range(n):
            data = self.events[i].data.u64
            events = self.events[i].events
            if data == WAKE:
                continue
            fs = known(self, <int>(data & 0xffffffff))
            if fs == NULL or fs.sequence != <uint32_t>(data >> 32):
                continue         # of a file that is closed since
            if not fs.owned and fs.armed:
                self.registered -= 1
            what = 0
            if events & EPOLLIN:
                what |= SEEN_IN
            if events & (EPOLLOUT | EPOLLHUP | EPOLLERR):
                what |= SEEN_OUT
            if events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI):
                what |= SEEN_END
            self.seen(fs, what)
        return 0

    cdef int ask(self, int64_t timeout) except -1:
        cdef int n, err
        if timeout == 0:
            n = epoll_wait(self.epfd, self.events, MOST_EVENTS, 0)
        elif timeout == forever():
            with nogil:
                n = epoll_wait(self.epfd, self.events, MOST_EVENTS, -1)
        else:
            n = self.ask_timed(timeout)
        if n < 0:
            err = errno
            if err != EINTR:
                raise_errno()
            self.interrupted = True
            n = 0
        return n

    cdef int ask_timed(self, int64_t timeout) noexcept:
        cdef int n = -1
        cdef int64_t milliseconds
        if self.has_pwait2:
            with nogil:
                n = weft_epoll_pwait2(self.epfd, self.events, MOST_EVENTS,
                                      timeout // NSEC, timeout % NSEC)
            if n >= 0 or errno != ENOSYS:
                return n
            self.has_pwait2 = False
        milliseconds = min((timeout + 999999) // 1000000, 0x7fffffff)
        with nogil:
            n = epoll_wait(self.epfd, self.events, MOST_EVENTS, <int>milliseconds)
        return n

    cdef void wake(self) noexcept:
        cdef uint64_t one = 1
        # Fails only when the counter is full, and then the wait has its edge.
        c_write(self.wakefd, &one, sizeof(one))

    cdef list own_fds(self):
        return [self.epfd, self.wakefd]

    cdef void close(self, bint forked) noexcept:
        if self.epfd >= 0:
            c_close(self.epfd)
            self.epfd = -1
        if self.wakefd >= 0:
            c_close(self.wakefd)
            self.wakefd = -1


cdef int raise_errno() except -1:
    cdef int err = errno
    import os
    raise OSError(err, os.strerror(err))
