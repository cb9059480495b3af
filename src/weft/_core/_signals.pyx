"""The pipe through which signals end a hub's wait.

CPython's own C handler writes a byte to the wakeup descriptor, so a signal that
comes between the hub's last look and its wait is not slept over, as it would
be with EINTR alone. What comes out of the pipe is passed on to the descriptor that
the program has set for this, if any. Knows no hub; nothing here parks.
"""

import os

from _signal import set_wakeup_fd

from libc.errno cimport EAGAIN, errno

from weft._core._sys cimport c_close, c_read, c_write

# Where the program wants the bytes; -1 for nowhere.
cdef int wanted_by = -1
# Whether it shall be told when there is no room for them.
cdef bint tells_of_full = True
# What passing them on failed with, until it is told; 0 for nothing.
cdef int passing_error = 0


cdef bint in_main_thread() except -1:
    """Whether this is the thread that runs signal handlers: CPython refuses others first."""
    try:
        set_wakeup_fd(-2)
    except ValueError:
        return False
    except OSError:
        return True
    return True


cdef tuple open_pipe():
    """(read, write), the bytes of signals coming out; None off the main thread or if one is set."""
    cdef int reader, writer, previous
    if not in_main_thread():
        return None
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    previous = set_wakeup_fd(writer, warn_on_full_buffer=False)
    if previous == -1:
        return reader, writer
    set_wakeup_fd(previous)          # somebody else's; EINTR is left to tell us
    c_close(reader)
    c_close(writer)
    return None


cdef Py_ssize_t empty_pipe(tuple pipe) except -1:
    """Take out what signals wrote, since the handlers are about to run; how many bytes."""
    global passing_error
    cdef char buffer[64]
    cdef int reader = pipe[0]
    cdef Py_ssize_t taken = 0
    cdef Py_ssize_t n = c_read(reader, buffer, sizeof(buffer))
    while n > 0:
        taken += n
        if wanted_by != -1 and c_write(wanted_by, buffer, n) < 0:
            if errno != EAGAIN or tells_of_full:
                passing_error = errno
        n = c_read(reader, buffer, sizeof(buffer))
    return taken


cdef int want_bytes(int fd, bint tell) noexcept:
    """Pass the bytes on to ``fd``; the descriptor that got them so far, or -1."""
    global wanted_by, tells_of_full
    cdef int before = wanted_by
    wanted_by = fd
    tells_of_full = tell
    return before


cdef int bytes_go_to() noexcept:
    return wanted_by


cdef int take_passing_error() noexcept:
    """What passing bytes on failed with since the last call; 0 for nothing."""
    global passing_error
    cdef int error = passing_error
    passing_error = 0
    return error


cdef int close_pipe(tuple pipe) except -1:
    """In a forked child: the pipe is shared with the parent, and so would be its bytes."""
    cdef int theirs = set_wakeup_fd(-1)
    if theirs != -1 and theirs != pipe[1]:
        set_wakeup_fd(theirs)
    c_close(pipe[0])
    c_close(pipe[1])
    return 0
