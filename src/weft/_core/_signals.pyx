"""The pipe through which signals end a hub's wait.

CPython's own C handler writes a byte to the wakeup descriptor, so a signal that
comes between the hub's last look and its wait is not slept over, as it would
be with EINTR alone. Knows no hub; nothing here parks.
"""

import os

from _signal import set_wakeup_fd

from weft._core._sys cimport c_read


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
    os.close(reader)
    os.close(writer)
    return None


cdef int empty_pipe(tuple pipe) except -1:
    """Take out what signals wrote: the handlers are about to run."""
    cdef char buffer[64]
    cdef int reader = pipe[0]
    while c_read(reader, buffer, sizeof(buffer)) > 0:
        pass
    return 0


cdef int close_pipe(tuple pipe) except -1:
    """In a forked child: the pipe is shared with the parent, and so would be its bytes."""
    cdef int theirs = set_wakeup_fd(-1)
    if theirs != -1 and theirs != pipe[1]:
        set_wakeup_fd(theirs)
    for fd in pipe:
        os.close(fd)
    return 0
