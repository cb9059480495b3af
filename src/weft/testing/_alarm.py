"""What ends a test that takes too long, whatever it waits in.

Owns: an OS thread for each test, since time may be virtual and the test's own thread may hang
outside of weft; and the signal that gets it out of there.
"""

import os
import signal
import threading
from _signal import signal as set_handler  # type: ignore[import-not-found]
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from weft._core import _trial
from weft.inspect import report
from weft.lowlevel import current, unpark
from weft.patch import _registry

# Seconds. How long a thread may stand still after it was told to stop, until a signal tells it.
PATIENCE = 1.0
# When a test that goes on all the same is told again; and when a still one gets a report.
LONG = 10.0
# Nobody else's, where there are such. The kernel ends system calls for it, and the stdlib's raise.
SIGNAL: int = getattr(signal, "SIGRTMAX", signal.SIGALRM)


@contextmanager
def alarm(seconds: float | None, stderr: int) -> Iterator[None]:
    """Fail the block once it has taken ``seconds``: where it waits, or at its end.

    A wait outside of weft, and a computation, are ended by a signal. Without ``seconds`` nothing is
    ended: of a thread that does nothing for 10 s there is a report on descriptor ``stderr``.
    """
    watch = _Watch(seconds, stderr)
    # The interpreter's own function: the handler is to run in the midst of what holds the hub.
    before = set_handler(SIGNAL, watch.interrupt) if takes_signals() else None
    watch.start()
    try:
        yield
    finally:
        watch.end()
        if before is not None:
            set_handler(SIGNAL, before)
    if watch.text:
        pytest.fail(f"{watch.text}, and went on when it was told so", pytrace=False)


def takes_signals() -> bool:
    """Whether signal handlers run in this thread."""
    return threading.current_thread() is threading.main_thread()


class _Watch:
    """The thread that looks on. Everything in it is native, whatever is patched."""

    def __init__(self, seconds: float | None, stderr: int) -> None:
        native = _registry.original("_thread")
        self.seconds = seconds
        self.stderr = stderr
        self.main = current()
        # What the test failed with, once its time was up; read by the test when it has ended.
        self.text = ""
        # The same, with what every task did then.
        self.told = ""
        self._start = native.start_new_thread
        self._signals = takes_signals()
        # Both are held until: the test has ended; the thread has.
        self._over, self._ended = native.allocate_lock(), native.allocate_lock()
        self._over.acquire()
        self._ended.acquire()

    def start(self) -> None:
        self._start(self.run, ())

    def end(self) -> None:
        self._over.release()
        # Not a moment later: what the thread raises must not strike the next test.
        self._ended.acquire()

    def over(self, seconds: float) -> bool:
        """Wait; whether the test has ended."""
        return bool(self._over.acquire(True, min(seconds, threading.TIMEOUT_MAX)))

    def run(self) -> None:
        try:
            if self.seconds is None:
                self.report_stillness()
            elif not self.over(self.seconds):
                self.text = f"the test took longer than {self.seconds:g} s"
                while not self.strike():
                    pass
        finally:
            self._ended.release()

    def strike(self) -> bool:
        """Raise in the test where it parks, or else where it is; whether it ends within 10 s."""
        self.told = f"{self.text}\n\n{report()}"
        if not unpark(self.main, exception=pytest.fail.Exception(self.told, pytrace=False)):
            self.main.cancel(self.told)
        waited = 0.0
        while waited < LONG:
            pulse = _trial.pulse(self.main)
            if self.over(PATIENCE):
                return True
            if pulse is not None and pulse == _trial.pulse(self.main) and self._signals:
                os.kill(os.getpid(), SIGNAL)
            waited += PATIENCE
        return False

    def interrupt(self, signum: int, frame: FrameType | None) -> None:
        """Runs in the test's thread, in the midst of what holds it."""
        if self.told:
            raise pytest.fail.Exception(self.told, pytrace=False)

    def report_stillness(self) -> None:
        """Tell once, if no task runs for 10 s and yet the hub does not wait."""
        pulse = _trial.pulse(self.main)
        while not self.over(LONG):
            before, pulse = pulse, _trial.pulse(self.main)
            if pulse is not None and pulse == before:
                text = f"\nno task has parked for {LONG:g} s in a test marked weft:\n\n{report()}\n"
                os.write(self.stderr, text.encode(errors="backslashreplace"))
                self.over(-1)
                return
