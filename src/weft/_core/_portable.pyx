"""Pollers on poll(2) and select(2), for systems and tests without epoll.

Level-triggered, so every descriptor is asked for only while a task waits on it.

Not on the stdlib's ``select``: that runs signal handlers in the midst of a wait,
so in the hub, where a handler can neither park nor tell who is running, and
where an unpark of its does not end the wait.
"""

import os

from libc.errno cimport EBADF, EINTR, errno
from libc.stdint cimport int64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from weft._core._poller cimport READ, SEEN_IN, SEEN_OUT, WRITE, FdState, Poller, known
from weft._core._sys cimport (
    NSEC,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLNVAL,
    POLLOUT,
    POLLPRI,
    c_close,
    c_poll,
    c_read,
    c_write,
    forever,
    pollfd,
)

cdef extern from "<fcntl.h>" nogil:
    int c_fcntl "fcntl"(int fd, int command)
    enum: F_GETFD

cdef extern from "<sys/select.h>" nogil:
    struct timespec:
        long long tv_sec
        long tv_nsec
    int pselect(int n, fd_set* reading, fd_set* writing, fd_set* urgent,
                const timespec* timeout, const void* mask)
    void FD_ZERO(fd_set* fds)
    void FD_SET(int fd, fd_set* fds)
    void FD_CLR(int fd, fd_set* fds)
    bint FD_ISSET(int fd, fd_set* fds)
    enum: FD_SETSIZE

cdef extern from *:
    """
    #include <poll.h>

    /* poll() with a timeout of nanoseconds, negative for none; where there is no
       ppoll, the next millisecond: late, but never early. */
    static inline int weft_poll(struct pollfd *fds, unsigned long n, long long timeout) {
    #ifdef __linux__
        struct timespec ts = {timeout / 1000000000, timeout % 1000000000};
        return ppoll(fds, n, timeout < 0 ? NULL : &ts, NULL);
    #else
        long long ms = (timeout + 999999) / 1000000;
        return poll(fds, n, timeout < 0 ? -1 : ms > 0x7fffffff ? 0x7fffffff : (int)ms);
    #endif
    }
    """
    int weft_poll(pollfd* fds, unsigned long n, long long timeout) nogil

cdef enum:
    LONGEST = 86400              # seconds of one wait: what every select() takes
    BROKEN = POLLERR | POLLHUP | POLLNVAL


cdef class PortablePoller(Poller):
    """What both have in common: one-shot waits, and a pipe to end a wait."""

    def __cinit__(self):
        self.wake_read = self.wake_write = -1
        self.wake_read, self.wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        os.set_blocking(self.wake_write, False)

    def __init__(self):
        self.want(self.wake_read, POLLIN)

    def __dealloc__(self):
        self.close(False)

    cdef int update(self, FdState* fs, int wanted, bint own) except -1:
        if c_fcntl(fs.fd, F_GETFD) < 0:
            raise_errno()        # the caller must hear of it, and not park first
        self.want(fs.fd, <short>((POLLIN | POLLPRI if wanted & READ else 0)
                                 | (POLLOUT if wanted & WRITE else 0)))
        if not fs.armed:
            self.registered += 1
        fs.armed = wanted
        fs.present = 1
        return 1

    cdef void remove(self, FdState* fs) noexcept:
        fs.present = 0
        if fs.armed:
            fs.armed = 0
            self.registered -= 1
            self.unwant(fs.fd)

    cdef int wait(self, int64_t timeout) except -1:
        self.interrupted = False
        return self.ask(timeout)

    cdef int answered(self, int n) except -1:
        """Whether the kernel reports anything; raises what is wrong, but for a signal."""
        if n >= 0:
            return n
        if errno != EINTR:
            raise_errno()
        self.interrupted = True
        return 0

    cdef void report(self, int fd, short events) noexcept:
        """The kernel said ``events``, poll(2)'s, of ``fd``."""
        cdef FdState* fs
        cdef int what = 0
        if fd == self.wake_read:
            self.drain()
            return
        fs = known(self, fd)
        if events & (POLLIN | POLLPRI | BROKEN) and fs.armed & READ:
            what |= SEEN_IN
        if events & (POLLOUT | BROKEN) and fs.armed & WRITE:
            what |= SEEN_OUT
        if what:
            self.remove(fs)
            self.seen(fs, what)

    cdef void drain(self) noexcept:
        cdef char buffer[64]
        while c_read(self.wake_read, buffer, sizeof(buffer)) == sizeof(buffer):
            pass

    cdef void wake(self) noexcept:
        # Fails only when the pipe is full, and then the wait ends as well.
        c_write(self.wake_write, b"\0", 1)

    cdef list own_fds(self):
        return [self.wake_read, self.wake_write]

    cdef void close(self, bint forked) noexcept:
        if self.wake_read >= 0:
            c_close(self.wake_read)
            c_close(self.wake_write)
            self.wake_read = self.wake_write = -1

    cdef int want(self, int fd, short events) except -1:
        raise NotImplementedError

    cdef void unwant(self, int fd) noexcept:
        pass

    cdef int ask(self, int64_t timeout) except -1:
        raise NotImplementedError


cdef class PollPoller(PortablePoller):
    """On poll(2)."""

    def __cinit__(self):
        self.name = "poll"

    def __dealloc__(self):
        free(self.wanted)
        free(self.asked)
        free(self.place)

    cdef int want(self, int fd, short events) except -1:
        self.make_room(fd)
        if self.place[fd] < 0:
            self.place[fd] = self.count
            self.count += 1
        self.wanted[self.place[fd]].fd = fd
        self.wanted[self.place[fd]].events = events
        return 0

    cdef int make_room(self, int fd) except -1:
        cdef int size = self.places
        if self.count == self.room:
            self.wanted = <pollfd*>resized(self.wanted, 2 * self.room + 64, sizeof(pollfd))
            self.room = 2 * self.room + 64
        if fd >= size:
            self.place = <int*>resized(self.place, 2 * fd + 64, sizeof(int))
            self.places = 2 * fd + 64
            for size in range(size, self.places):
                self.place[size] = -1
        return 0

    cdef void unwant(self, int fd) noexcept:
        cdef int gap = self.place[fd]
        self.place[fd] = -1
        self.count -= 1
        if gap != self.count:
            self.wanted[gap] = self.wanted[self.count]
            self.place[self.wanted[gap].fd] = gap

    cdef int ask(self, int64_t timeout) except -1:
        cdef int count = self.count
        cdef int n, i
        cdef int64_t nanoseconds = -1 if timeout == forever() else timeout
        self.asked = <pollfd*>resized(self.asked, count, sizeof(pollfd))
        memcpy(self.asked, self.wanted, count * sizeof(pollfd))
        if timeout == 0:
            n = c_poll(self.asked, count, 0)
        else:
            with nogil:
                n = weft_poll(self.asked, count, nanoseconds)
        n = self.answered(n)
        for i in range(count):
            if n == 0:
                break
            if self.asked[i].revents:
                n -= 1
                self.report(self.asked[i].fd, self.asked[i].revents)
        return 0


cdef class SelectPoller(PortablePoller):
    """On select(2), which takes no descriptor from FD_SETSIZE on."""

    def __cinit__(self):
        self.name = "select"
        FD_ZERO(&self.reading)
        FD_ZERO(&self.writing)

    cdef int want(self, int fd, short events) except -1:
        if fd >= FD_SETSIZE:
            raise ValueError("filedescriptor out of range in select()")
        self.unwant(fd)
        if events & POLLIN:
            FD_SET(fd, &self.reading)
        if events & POLLOUT:
            FD_SET(fd, &self.writing)
        self.most = max(self.most, fd + 1)
        return 0

    cdef void unwant(self, int fd) noexcept:
        FD_CLR(fd, &self.reading)
        FD_CLR(fd, &self.writing)

    cdef int ask(self, int64_t timeout) except -1:
        cdef fd_set readable = self.reading
        cdef fd_set writable = self.writing
        cdef fd_set urgent = self.reading
        cdef timespec limit
        cdef int most = self.most
        cdef int n, fd
        cdef short events
        cdef bint unlimited = timeout == forever()
        limit.tv_sec = min(timeout // NSEC, LONGEST)
        limit.tv_nsec = timeout % NSEC
        if timeout == 0:
            n = pselect(most, &readable, &writable, &urgent, &limit, NULL)
        else:
            with nogil:
                n = pselect(most, &readable, &writable, &urgent,
                            NULL if unlimited else &limit, NULL)
        if n < 0 and errno == EBADF:
            return self.report_closed()
        if self.answered(n) == 0:
            return 0
        for fd in range(most):
            events = 0
            if FD_ISSET(fd, &readable):
                events |= POLLIN
            if FD_ISSET(fd, &urgent):
                events |= POLLPRI
            if FD_ISSET(fd, &writable):
                events |= POLLOUT
            if events:
                self.report(fd, events)
        return 0

    cdef int report_closed(self) except -1:
        """select() names no culprit: report every descriptor that is not open any more."""
        cdef int fd
        for fd in range(self.most):
            if FD_ISSET(fd, &self.reading) or FD_ISSET(fd, &self.writing):
                if c_fcntl(fd, F_GETFD) < 0:
                    self.report(fd, POLLNVAL)
        return 0


cdef void* resized(void* memory, Py_ssize_t count, size_t size) except NULL:
    memory = realloc(memory, count * size)
    if memory == NULL:
        raise MemoryError
    return memory


cdef int raise_errno() except -1:
    cdef int err = errno
    raise OSError(err, os.strerror(err))
