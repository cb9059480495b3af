"""The virtual clock: a test of an hour takes milliseconds."""

from collections.abc import Iterator
from contextlib import contextmanager

from weft._core import _trial
from weft.lowlevel import now as _now
from weft.testing import _standins
from weft.testing._seeded import has_ambient


class Clock:
    """A virtual clock, as :func:`virtual_time` and :func:`schedule` hand it out."""

    def now(self) -> float:
        """Seconds on it; the same as :func:`weft.now` in its block."""
        return _now()

    def advance(self, seconds: float) -> None:
        """Move it on by ``seconds`` at once, as if the calling code had taken so long.

        Raises:
          ValueError: ``seconds`` is negative, or not a number.
          TaskError: its block has ended, or another thread calls.

        Parks: never; who waits for a deadline that passes is woken once the caller parks.
        Threads: the clock's own.
        """
        _trial.advance(seconds)

    def __repr__(self) -> str:
        now = _trial.virtual_now()
        return "<weft.testing.Clock, over>" if now is None else f"<weft.testing.Clock at {now:.6f}>"


@contextmanager
def virtual_time() -> Iterator[Clock]:
    """A ``with`` block in which time stands still, and jumps ahead while all tasks wait.

    When every task of the calling thread parks and nothing is under way that
    could wake one, the clock jumps to the next deadline: sleeps, timeouts
    and ``queue.get(timeout=5)`` take no time, and what was to come first
    comes first. A call made in a thread holds the clock until it ends, and
    what has arrived on a socket is read before the clock jumps. What other
    threads or processes do, the clock does not wait for; theirs is the real one.

    ``time.sleep``, ``time.monotonic``, ``time.time``, ``time.perf_counter``
    and their ``_ns`` forms follow this clock in the block, also where modules
    have taken them by name. ``datetime.now`` and ``time.localtime`` do not.

    It starts at the next whole second and never goes back. Timers that are
    armed as the block begins or ends keep the time they had left.

    Raises:
      TaskError: there is a virtual clock already, in this thread or another.

    Parks: never. Threads: any, one at a time; left by the thread that entered it.

    Example:
      >>> import weft
      >>> from weft.testing import virtual_time
      >>> with virtual_time() as clock:
      ...     start = clock.now()
      ...     weft.sleep(3600)
      ...     clock.now() - start
      3600.0
    """
    if has_ambient():
        yield Clock()  # the schedule's
        return
    with _standins.in_place():
        _trial.stop_clock()
        try:
            yield Clock()
        finally:
            _trial.start_clock()
