"""Pollers on the stdlib's ``selectors``, for systems and tests without epoll.

Level-triggered, so every descriptor is asked for only while a task waits on
it. The selector is Python code that runs in the hub: a signal handler may run
inside its ``select`` and what it raises comes out of ``wait``, so the hub
passes it to the main task.
"""

import errno
import os
import select
import selectors

from libc.stdint cimport int64_t

from weft._core._poller cimport READ, SEEN_IN, SEEN_OUT, WRITE, FdState, Poller, known
from weft._core._sys cimport NSEC, forever


# The functions are bound here, to the originals, whatever is patched later.
class _PollSelector(selectors.PollSelector):
    _selector_cls = select.poll


class _SelectSelector(selectors.SelectSelector):
    _select = staticmethod(select.select)


_SELECTORS = {"poll": _PollSelector, "select": _SelectSelector}


def _refuse_unfit(int fd, _select=select.select):
    """Raise what select() says to ``fd`` alone: among others it would refuse them all."""
    _select([fd], (), (), 0)


# Raises what is wrong with a descriptor before the selector takes it.
_CHECKS = {"poll": os.fstat, "select": _refuse_unfit}

cdef enum:
    LONGEST = 86400              # seconds of one wait: what every selector takes


cdef class PortablePoller(Poller):
    """``poll`` or ``select`` through the stdlib, with a pipe to end a wait."""

    def __cinit__(self, str name):
        self.name = name
        self.wake_read = self.wake_write = -1
        self.selector = _SELECTORS[name]()
        self.wake_read, self.wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        os.set_blocking(self.wake_write, False)
        self.selector.register(self.wake_read, selectors.EVENT_READ)

    def __dealloc__(self):
        self.close(False)

    cdef int update(self, FdState* fs, int wanted, bint own) except -1:
        cdef int events = 0
        if wanted & READ:
            events |= selectors.EVENT_READ
        if wanted & WRITE:
            events |= selectors.EVENT_WRITE
        if fs.armed:
            self.selector.modify(fs.fd, events)
        else:
            _CHECKS[self.name](fs.fd)
            self.selector.register(fs.fd, events)
            self.registered += 1
        fs.armed = wanted
        fs.present = 1
        return 1

    cdef void remove(self, FdState* fs) noexcept:
        fs.present = 0
        if fs.armed:
            fs.armed = 0
            self.registered -= 1
            self.selector.unregister(fs.fd)

    cdef int wait(self, int64_t timeout) except -1:
        cdef FdState* fs
        cdef int what
        seconds = None if timeout == forever() else min(timeout / <double>NSEC, LONGEST)
        try:
            ready = self.selector.select(seconds)
        except OSError as exc:
            if exc.errno != errno.EBADF:
                raise
            ready = self.closed_behind_our_back()
        for key, events in ready:
            if key.fd == self.wake_read:
                self.drain()
                continue
            fs = known(self, key.fd)
            what = 0
            if events & selectors.EVENT_READ:
                what |= SEEN_IN
            if events & selectors.EVENT_WRITE:
                what |= SEEN_OUT
            self.remove(fs)
            self.seen(fs, what)
        return 0

    cdef list closed_behind_our_back(self):
        """select() names no culprit: report every descriptor that is not open any more."""
        both = selectors.EVENT_READ | selectors.EVENT_WRITE
        bad = []
        for key in list(self.selector.get_map().values()):
            try:
                os.fstat(key.fd)
            except OSError:
                bad.append((key, both))
        return bad

    cdef int drain(self) except -1:
        try:
            os.read(self.wake_read, 4096)
        except BlockingIOError:
            pass                     # another end of the same wake-up was read before
        return 0

    cdef void wake(self) noexcept:
        try:
            os.write(self.wake_write, b"\0")
        except BlockingIOError:
            pass                     # a full pipe ends the wait as well

    cdef void close(self, bint forked) noexcept:
        if self.wake_read >= 0:
            os.close(self.wake_read)
            os.close(self.wake_write)
            self.wake_read = self.wake_write = -1
            self.selector.close()
