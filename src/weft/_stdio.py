"""Standard input and output for tasks: reading a pipe or a terminal, writing to one that is slow.

Owns: what replaces the raw file beneath ``sys.stdin``, ``sys.stdout`` and ``sys.stderr``, and
:func:`input`. Must not know: patching. A caller parks while there is no line, or no room.

The objects in ``sys`` stay the same ones, for whoever took them: their ``__init__`` is called once
more, with another buffer. A regular file is left alone, for it never makes anybody wait.
"""

from __future__ import annotations

import atexit
import builtins
import io
import os
import stat
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from weft._buffers import BufferedReader, BufferedWriter
from weft._core._api import spawn
from weft._core._fds import wait_readable
from weft._core._lock import RLock
from weft._core._task import Task
from weft._errors import TaskError
from weft._files import FileIO
from weft._offload import run

# A pipe takes so many bytes at once or none of them.
AT_ONCE = 4096
# With python -u there is none above the raw file.
BUFFERS: dict[type, Any] = {
    io.BufferedReader: BufferedReader,
    io.BufferedWriter: BufferedWriter,
    io.FileIO: None,
}

_native_input = builtins.input
_write = os.write


class StandardFile(FileIO):
    """A raw file that everybody writes to, also from where nobody may park."""

    # What the buffer before it had read already.
    unread = b""

    def readinto(self, buffer: Any, /) -> Any:
        """As the stdlib's."""
        if not self.unread:
            return super().readinto(buffer)
        view = memoryview(buffer).cast("B")
        part, self.unread = self.unread[: len(view)], self.unread[len(view) :]
        view[: len(part)] = part
        return len(part)

    def write(self, data: Any, /) -> Any:
        """As the stdlib's; all of it, as from a blocking descriptor."""
        left = memoryview(data).cast("B")
        size = len(left)
        while left:
            part = left[:AT_ONCE]
            try:
                count = super().write(part)
            except TaskError:
                # In a destructor that a garbage collection calls: the thread has to wait.
                count = io.FileIO.write(self, part)
            if count is None:
                return size - len(left) or None
            left = left[count:]
        return size


def make_green(file: Any) -> Callable[[], None] | None:
    """Let tasks wait in ``file``, a standard stream, if there is anything to wait for.

    At the program's end it is made native again: the interpreter flushes it when no hub is left.

    Returns:
      What makes it native before; None if it is left alone.

    Parks: never. Threads: any; no other may use ``file`` meanwhile.
    """
    if type(file) is not io.TextIOWrapper or file.closed:
        return None
    old: Any = file.buffer
    raw = getattr(old, "raw", old)
    if type(raw) is not io.FileIO or type(old) not in BUFFERS or not makes_wait(raw.fileno()):
        return None
    green = StandardFile(raw.fileno(), "rb" if raw.readable() else "wb", closefd=raw.closefd)
    vars(green)["name"] = raw.name
    if raw.readable():
        green.unread = taken_ahead(file, raw)
    buffer: Any = green
    if old is not raw:
        buffer = BUFFERS[type(old)](green)
        # A child shall not wait for a task that only its parent has.
        os.register_at_fork(after_in_child=buffer._turn._at_fork_reinit)
    put_beneath(file, buffer)
    back = partial(put_beneath, file, old)
    atexit.register(back)
    return back


def put_beneath(file: Any, buffer: Any) -> None:
    """Let ``file`` be one over ``buffer`` from now on."""
    if file.closed:
        return
    if file.writable():
        file.flush()
    io.TextIOWrapper.__init__(
        file, buffer, file.encoding, file.errors, "\n", file.line_buffering, file.write_through
    )


def makes_wait(fd: int) -> bool:
    """Whether ``fd`` is a pipe, a socket or a terminal."""
    mode = os.fstat(fd).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(fd)


def taken_ahead(file: Any, raw: Any) -> bytes:
    """What ``file`` has read from ``raw`` and not given out; it is left without."""
    # A raw file's attributes go before its methods: these say that the end is reached.
    raw.readall = bytes
    raw.readinto = lambda buffer: 0
    try:
        text: str = file.read()
    finally:
        del raw.readall, raw.readinto
    return text.encode(file.encoding, file.errors)


class _Terminal:
    """Reads lines for :func:`input`."""

    def __init__(self) -> None:
        # Held by the task whose line is next.
        self.turn = RLock()
        # The line being read in a thread; it goes on when whoever asked for it was interrupted.
        self.reading: Task[str] | None = None
        os.register_at_fork(after_in_child=self.turn._at_fork_reinit)

    def line(self, prompt: object) -> str:
        with self.turn:
            if "readline" in sys.modules or self.reading:
                return self.edited_line(prompt)
            show(prompt)
            # The terminal has nothing to read until a line is complete.
            wait_readable(0)
            return _native_input()

    def edited_line(self, prompt: object) -> str:
        """The readline library does its own waiting, in C: in a thread."""
        import termios

        modes = termios.tcgetattr(0)
        if self.reading is None:
            self.reading = spawn(run, _native_input, prompt)
            self.reading.name = "weft-input"
        else:
            show(prompt)
        try:
            line = self.reading.result()
        except BaseException:
            if self.reading.done:
                self.reading = None
            # The library goes on reading, and has changed them, or is about to.
            termios.tcsetattr(0, termios.TCSADRAIN, modes)
            atexit.register(termios.tcsetattr, 0, termios.TCSADRAIN, modes)
            raise
        self.reading = None
        return line


_terminal = _Terminal()


def show(prompt: object) -> None:
    """Write ``prompt`` where the built-in does when it asks a terminal."""
    sys.stderr.flush()
    sys.stdout.flush()
    _write(2, str(prompt).encode(sys.stdout.encoding, "replace"))


def at_terminal() -> bool:
    """Whether the built-in would read from the terminal itself, past ``sys.stdin``."""
    try:
        return all(
            file.fileno() == fd and os.isatty(fd) for fd, file in ((0, sys.stdin), (1, sys.stdout))
        )
    except (AttributeError, OSError, ValueError):
        return False  # replaced, or closed


def input(prompt: object = "", /) -> str:  # noqa: A001 - the built-in's name
    """The built-in :func:`input`; other tasks go on until there is a line.

    Tasks that ask at the same time get a line each, in turn.

    Raises:
      EOFError: the input has ended.

    Parks: until there is a line. Woken by: the terminal or pipe. Threads: any.
    """
    return _terminal.line(prompt) if at_terminal() else _native_input(prompt)
