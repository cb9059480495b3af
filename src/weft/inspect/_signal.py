"""SIGUSR1 prints a dump: to look into a program from outside.

Owns nothing. Python runs the handler in the main thread: in the task that runs
there, however busy, or in one of its own while the hub sleeps.
"""

from __future__ import annotations

import signal
from _signal import getsignal  # type: ignore[import-not-found]
from _signal import signal as set_handler
from posix import write
from types import FrameType

from weft.inspect._report import report


def dump_on_signal() -> None:
    """Have SIGUSR1 print a dump to stderr, unless it is handled or ignored already.

    Parks: never. Threads: the main thread.
    """
    # The interpreter's own functions, be ``signal`` patched or not: a task that holds the hub
    # is just what is to be looked at.
    if getsignal(signal.SIGUSR1) == signal.SIG_DFL:
        set_handler(signal.SIGUSR1, _on_signal)


# One for each signal whose dump is not complete.
_wanted: list[None] = []


def _on_signal(number: int, frame: FrameType | None) -> None:
    _wanted.append(None)
    if len(_wanted) > 1:
        return  # it came in the middle of a dump, after which there will be another
    while _wanted:
        _write(_report_or_why_not() + "\n\n")
        _wanted.pop()


def _report_or_why_not() -> str:
    # Whatever this task was doing must go on; it may be near the end of its recursion.
    try:
        return report()
    except Exception as error:
        return f"weft: cannot tell what the tasks do: {error!r}"


def _write(text: str) -> None:
    # Past sys.stderr: the signal may have come in the middle of a write to it.
    left = memoryview(text.encode(errors="backslashreplace"))
    try:
        while left:
            left = left[write(2, left) :]
    except OSError:
        # Nobody reads it, and the program must not suffer from being looked at.
        return
