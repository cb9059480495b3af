"""SIGUSR1 prints a dump: to look into a program from outside.

Owns nothing. Python runs the handler in the main thread: in the task that runs
there, however busy, or in one of its own while the hub sleeps.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

from weft.inspect._report import report


def dump_on_signal() -> None:
    """Have SIGUSR1 print a dump to stderr, unless it is handled or ignored already.

    Parks: never. Threads: the main thread.
    """
    if signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL:
        signal.signal(signal.SIGUSR1, _on_signal)


def _on_signal(number: int, frame: FrameType | None) -> None:
    text = memoryview((report() + "\n").encode(errors="backslashreplace"))
    # Past sys.stderr: the handler may have come in the middle of a write to it.
    try:
        while text:
            text = text[os.write(2, text) :]
    except OSError:
        # Nobody reads it, and the program must not suffer from being looked at.
        return
