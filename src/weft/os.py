"""The stdlib's ``os`` for tasks: the same names, signatures and errors.

Owns nothing. Must not know: patching, subprocess beyond :func:`popen`.

Green are: read and write and their kin, on whatever has to be waited for; waiting for child
processes; opening a FIFO; locking a file. Files on a disk are read and written plainly.
Descriptors keep the mode they have, since other processes may share them.
"""

from __future__ import annotations

import os as _stdlib
import sys
from collections.abc import Callable, Sequence
from errno import EBADF
from functools import partial
from stat import S_ISFIFO
from typing import TYPE_CHECKING, Any

from weft import _children, _modules, _offload
from weft._core import _pipe
from weft._core._fds import closing, closing_range, hub_fds, wait_writable
from weft._core._socket import green_fds, is_green, lend
from weft._counterpart import builtin, rebound, take_over
from weft._files import waiting_io, waits
from weft._programs import lend_inheritable

# Bound here: whatever is patched later, these are the originals.
_open, _close, _closerange = _stdlib.open, _stdlib.close, _stdlib.closerange
_dup, _dup2, _readv, _writev = _stdlib.dup, _stdlib.dup2, _stdlib.readv, _stdlib.writev
_execv, _execve = _stdlib.execv, _stdlib.execve
_lockf, _system, _status = _stdlib.lockf, _stdlib.system, _stdlib.stat

# -- reading and writing -----------------------------------------------------------------------

read = _pipe.read
write = _pipe.write


@builtin
def readv(fd: int, buffers: Sequence[Any], /) -> int:
    """Read into several buffers, one after the other; as :func:`os.readv`. Parks: as read."""
    if not waits(fd):
        return _readv(fd, buffers)
    views = [memoryview(each).cast("B") for each in buffers]
    data = _pipe.read(fd, sum(map(len, views)))
    start = 0
    for view in views:
        part = data[start : start + len(view)]
        view[: len(part)] = part
        start += len(part)
    return len(data)


@builtin
def writev(fd: int, buffers: Sequence[Any], /) -> int:
    """Write several buffers, one after the other; as :func:`os.writev`. Parks: as write."""
    return _pipe.write(fd, b"".join(buffers)) if waits(fd) else _writev(fd, buffers)


if hasattr(_stdlib, "eventfd_read"):

    @builtin
    def eventfd_read(fd: int) -> int:
        """Take the value of an eventfd; as :func:`os.eventfd_read`. Parks: while it is 0."""
        return int.from_bytes(_pipe.read(fd, 8), sys.byteorder)

    @builtin
    def eventfd_write(fd: int, value: int) -> None:
        """Add to an eventfd; as :func:`os.eventfd_write`. Parks: while it would overflow."""
        _pipe.write(fd, value.to_bytes(8, sys.byteorder))


if hasattr(_stdlib, "sendfile"):
    _sendfile = _stdlib.sendfile

    @builtin
    def sendfile(out_fd: int, in_fd: int, offset: int, count: int, *more: Any, **named: Any) -> int:
        """Copy from a file to a descriptor; as :func:`os.sendfile`. Parks: until there is room."""
        call = partial(_sendfile, out_fd, in_fd, offset, count, *more, **named)
        if _stdlib.get_blocking(out_fd) and waits(out_fd):
            return _offload.run(call)
        while True:
            try:
                return call()
            except BlockingIOError:
                if not is_green(out_fd):
                    raise
            wait_writable(out_fd)


if hasattr(_stdlib, "splice"):
    _splice = _stdlib.splice

    @builtin
    def splice(src: int, dst: int, count: int, *offsets: Any, **named: Any) -> int:
        """Move data between a pipe and a descriptor; as :func:`os.splice`. Parks: while it waits.

        In a thread: for what the kernel copies, no call says whether it would wait.
        """
        lend(src)
        lend(dst)
        return _offload.run(partial(_splice, src, dst, count, *offsets, **named))


# -- descriptors ---------------------------------------------------------------------------------


@builtin
def open(  # noqa: A001 - the stdlib's name
    path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None
) -> int:
    """Open a file; as :func:`os.open`. Parks: for a FIFO, until somebody opens its other end."""
    call = partial(_open, path, flags, mode, dir_fd=dir_fd)
    if not flags & (_stdlib.O_NONBLOCK | _stdlib.O_DIRECTORY) and _is_fifo(path, dir_fd):
        return _offload.run(call)
    return call()


def _is_fifo(path: Any, dir_fd: int | None) -> bool:
    try:
        return S_ISFIFO(_status(path, dir_fd=dir_fd).st_mode)
    except (OSError, ValueError):
        return False  # the original says what is wrong


@builtin
def close(
    fd: int,
    *,
    # Bound here, as destructors call it when the interpreter has cleared this module.
    _closing: Callable[[int], None] = closing,
    _hub_fds: Callable[[], list[int]] = hub_fds,
    _close: Callable[[int], None] = _close,
) -> None:
    """Close a descriptor; whoever waits on it gets EBADF. Parks: never."""
    if fd in _hub_fds():
        # For all the program knows it is not open.
        raise OSError(EBADF, _stdlib.strerror(EBADF))
    _closing(fd)
    _close(fd)


@builtin
def closerange(fd_low: int, fd_high: int, /) -> None:
    """Close the descriptors from ``fd_low`` up to ``fd_high``, less that. Parks: never.

    Those of the hubs stay open: a program that closes all there are means its own.
    """
    closing_range(fd_low, fd_high)
    for each in sorted(hub_fds()):
        if fd_low <= each < fd_high:
            _closerange(fd_low, each)
            fd_low = each + 1
    _closerange(fd_low, fd_high)


@builtin
def dup(fd: int, /) -> int:
    """A second descriptor of the same file; as :func:`os.dup`. Parks: never."""
    lend(fd)
    return _dup(fd)


@builtin
def dup2(fd: int, fd2: int, inheritable: bool = True) -> int:
    """Make ``fd2`` a descriptor of the file that ``fd`` is one of; as :func:`os.dup2`."""
    lend(fd)
    if fd != fd2:
        closing(fd2)
    return _dup2(fd, fd2, inheritable)


if hasattr(_stdlib, "lockf"):

    @builtin
    def lockf(fd: int, command: int, length: int, /) -> None:
        """Lock part of a file; as :func:`os.lockf`. Parks: while another process has it."""
        if command != _stdlib.F_LOCK:
            return _lockf(fd, command, length)
        try:
            return _lockf(fd, _stdlib.F_TLOCK, length)
        except (BlockingIOError, PermissionError):
            return _offload.run(_lockf, fd, command, length)


# -- processes -----------------------------------------------------------------------------------

waitpid = _children.waitpid
wait = _children.wait
wait3 = _children.wait3
wait4 = _children.wait4
waitid = _children.waitid


@builtin
def system(command: Any) -> int:
    """Run a command in a shell; as :func:`os.system`. Parks: until it has ended.

    A cancelled task leaves at once; the command goes on.
    """
    return _offload.offload(_system, command)


@builtin
def execv(path: Any, argv: Any, /) -> None:
    """Run another program instead of this one; as :func:`os.execv`."""
    lend_inheritable()
    _execv(path, argv)


@builtin
def execve(path: Any, argv: Any, env: Any) -> None:
    """Run another program instead of this one; as :func:`os.execve`."""
    lend_inheritable()
    _execve(path, argv, env)


def _spawning(spawn: Any) -> Any:
    """``posix_spawn`` or ``posix_spawnp``, which lends what the new program gets."""

    def posix_spawn(*arguments: Any, **named: Any) -> int:
        green = set(green_fds())
        actions = named.get("file_actions")
        for action in actions if isinstance(actions, (list, tuple)) else ():
            # A dup2: what it is, from where, to where.
            if isinstance(action, tuple) and len(action) == 3 and action[1] in green:
                lend(action[1])
        lend_inheritable()
        pid: int = spawn(*arguments, **named)
        return pid

    posix_spawn.__name__ = posix_spawn.__qualname__ = spawn.__name__
    posix_spawn.__doc__ = spawn.__doc__
    return builtin(posix_spawn)


if hasattr(_stdlib, "posix_spawn"):
    posix_spawn = _spawning(_stdlib.posix_spawn)
    posix_spawnp = _spawning(_stdlib.posix_spawnp)

# -- files ---------------------------------------------------------------------------------------


def popen(cmd: str, mode: str = "r", buffering: int = -1) -> Any:
    """A file connected to a command in a shell; as :func:`os.popen`. Parks: as reading does."""
    from weft import subprocess

    names = _modules.importing(vars(_stdlib), {"subprocess": subprocess})
    return rebound(_stdlib.popen, names)(cmd, mode, buffering)


fdopen = rebound(_stdlib.fdopen, _modules.importing(vars(_stdlib), {"io": waiting_io}))

take_over(_stdlib, globals())
__all__ = _stdlib.__all__

# What is known of a function is known of its counterpart.
for _able in (_stdlib.supports_dir_fd, _stdlib.supports_fd, _stdlib.supports_follow_symlinks):
    _able |= {globals()[each.__name__] for each in _able}

if TYPE_CHECKING:
    # What is not defined above.
    from os import *  # type: ignore[assignment]  # noqa: F403
