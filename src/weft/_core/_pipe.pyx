# cython: binding=False, embedsignature.format=clinic
"""read(2) and write(2) on any descriptor: a blocking one parks the task, not the thread.

Owns nothing. Must not know: file objects. A caller parks in every function here while the
descriptor has nothing, or no room; the poller wakes it.

O_NONBLOCK belongs to all processes that share the open file, so it is never set. Instead
each call is one that cannot wait: recv and send with MSG_DONTWAIT on a socket, preadv2 and
pwritev2 with RWF_NOWAIT elsewhere. Where the kernel does not know that for this kind of
file (terminals; pipes before Linux 6.5), poll(2) is asked first and the GIL kept, so that no
other thread takes what it promised. What the disk holds is read and written plainly.
"""

from math import inf as _inf

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EAGAIN, EINTR, EINVAL, errno

from weft._core._fds cimport wait_one
from weft._core._hub cimport SCRATCH, Hub, charge, get_hub
from weft._core._poller cimport READ, WRITE
from weft._core._socket cimport is_green, raise_errno
from weft._core._sys cimport c_read, c_write

cdef extern from *:
    """
    #include <errno.h>
    #include <fcntl.h>
    #include <limits.h>
    #include <poll.h>
    #include <sys/socket.h>
    #include <sys/stat.h>
    #include <sys/uio.h>
    #include <unistd.h>

    /* Whether it is a file whose calls never wait for anybody: what the disk holds, and what
       is not open. lseek fails on pipes, sockets and terminals, at a third of the cost. */
    static int weft_on_disk(int fd) {
        struct stat found;
        if (lseek(fd, 0, SEEK_CUR) < 0 && errno == ESPIPE)
            return 0;
        return fstat(fd, &found) < 0 || S_ISREG(found.st_mode) || S_ISBLK(found.st_mode) ||
               S_ISDIR(found.st_mode);
    }

    /* Whether the kernel cannot make such a call without waiting, on this kind of file. */
    static int weft_unheard_of(void) {
        return errno == EOPNOTSUPP || errno == ENOSYS;
    }

    static mode_t weft_kind(int fd) {
        struct stat found;
        return fstat(fd, &found) < 0 ? 0 : found.st_mode & S_IFMT;
    }

    static int weft_asked(int fd, short events) {
        struct pollfd asked = {fd, events, 0};
        if (poll(&asked, 1, 0) != 0)
            return 1;
        errno = EAGAIN;
        return 0;
    }

    static ssize_t weft_read_asked(int fd, void *buf, size_t size) {
        if (weft_kind(fd) == S_IFSOCK)
            return recv(fd, buf, size, MSG_DONTWAIT);
        return weft_asked(fd, POLLIN) ? read(fd, buf, size) : -1;
    }

    /* No more than poll(2) promised: a terminal has room for 256 bytes when it says so, and may
       make two of a newline. */
    static ssize_t weft_write_asked(int fd, const void *buf, size_t size) {
        mode_t kind = weft_kind(fd);
        if (kind == S_IFSOCK)
            return send(fd, buf, size, MSG_DONTWAIT);
        if (!weft_asked(fd, POLLOUT))
            return -1;
        if (kind == S_IFIFO && size > PIPE_BUF)
            size = PIPE_BUF;
        if (kind == S_IFCHR && size > 128 && isatty(fd))
            size = 128;
        return write(fd, buf, size);
    }

    static ssize_t weft_read_now(int fd, void *buf, size_t size) {
        ssize_t n = -1;
        errno = ENOSYS;
    #ifdef RWF_NOWAIT
        struct iovec all = {buf, size};
        n = preadv2(fd, &all, 1, -1, RWF_NOWAIT);
    #endif
        return n < 0 && weft_unheard_of() ? weft_read_asked(fd, buf, size) : n;
    }

    /* As above; -2 if it is on the disk and has to be written to plainly. */
    static ssize_t weft_write_now(int fd, const void *buf, size_t size) {
        ssize_t n = -1;
        errno = ENOSYS;
    #ifdef RWF_NOWAIT
        struct iovec all = {(void *)buf, size};
        n = pwritev2(fd, &all, 1, -1, RWF_NOWAIT);
    #endif
        if (n >= 0 || !(errno == EAGAIN || weft_unheard_of()))
            return n;
        int refusal = errno;
        if (weft_on_disk(fd))
            return -2;
        errno = refusal;
        return refusal == EAGAIN ? -1 : weft_write_asked(fd, buf, size);
    }

    static int weft_never_blocks(int fd) {
        return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
    }
    """
    bint weft_on_disk(int fd) noexcept
    ssize_t weft_read_now(int fd, void* buf, size_t size) noexcept
    ssize_t weft_write_now(int fd, const void* buf, size_t size) noexcept
    bint weft_never_blocks(int fd) noexcept


def read(int fd, Py_ssize_t length, /):
    """Read at most ``length`` bytes from ``fd``; ``b""`` at the end.

    Raises:
      BlockingIOError: ``fd`` is a non-blocking one and has nothing.
      OSError: as read(2)'s.
      Cancelled: the task was cancelled.

    Parks: while a blocking ``fd`` has nothing. Woken by: the poller. Threads: any.
    """
    cdef Hub hub = get_hub()
    cdef object data
    cdef Py_ssize_t n
    if length < 0:
        raise_errno(EINVAL)
    charge(hub)
    if length <= SCRATCH:
        n = receive(fd, hub.scratch_buffer(), length)
        return PyBytes_FromStringAndSize(hub.scratch, n)
    data = PyBytes_FromStringAndSize(NULL, length)
    n = receive(fd, PyBytes_AS_STRING(data), length)
    return data[:n] if n < length else data


def readinto(int fd, buffer, /):
    """Read into ``buffer``; how many bytes, 0 at the end. Else as :func:`read`."""
    cdef Py_buffer view
    charge(get_hub())
    PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE)
    try:
        return receive(fd, <char*>view.buf, view.len)
    finally:
        PyBuffer_Release(&view)


def write(int fd, data, /):
    """Write ``data`` to ``fd``; how many bytes were taken: all, if ``fd`` is a blocking one.

    Raises, parks: as :func:`read`, while there is no room.
    """
    cdef Py_buffer view
    charge(get_hub())
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        return transmit(fd, <const char*>view.buf, view.len)
    finally:
        PyBuffer_Release(&view)


cdef Py_ssize_t receive(int fd, char* buf, Py_ssize_t size) except -1:
    cdef bint plain = weft_on_disk(fd)
    cdef Py_ssize_t n
    cdef int err
    while True:
        if plain:
            with nogil:
                n = c_read(fd, buf, size)
        else:
            n = weft_read_now(fd, buf, size)
        if n >= 0:
            return n
        err = try_again(fd, READ)
        if err:
            raise_errno(err)


cdef Py_ssize_t transmit(int fd, const char* buf, Py_ssize_t size) except -1:
    """All of it, as a blocking descriptor takes it; as much as there is room for, if it is none."""
    cdef bint plain = False
    cdef Py_ssize_t done = 0
    cdef Py_ssize_t n
    cdef int err
    while True:
        if plain:
            with nogil:
                n = c_write(fd, buf + done, size - done)
        else:
            n = weft_write_now(fd, buf + done, size - done)
        if n == -2:
            plain = True
            continue
        if n >= 0:
            done += n
            # A full disk takes a part; the next call says why.
            if done == size or plain:
                return done
            continue
        err = try_again(fd, WRITE)
        if err:
            return done if done else raise_errno(err)


cdef int try_again(int fd, int direction) except -1:
    """After a failed call: wait if that helps, and return 0; else the error to raise."""
    cdef int err = errno
    if err == EINTR:
        PyErr_CheckSignals()
        return 0
    if err == EAGAIN and (is_green(fd) or not weft_never_blocks(fd)):
        wait_one(fd, direction, _inf)
        return 0
    return err
