"""What the pytest plugin does to a test: watches for hangs, sees that its tasks end with it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from weft._core import _doubt, _trial
from weft._core._task import Task
from weft._errors import Deadlock
from weft.inspect._deadlock import handled_signals
from weft.inspect._report import deadlock
from weft.inspect._survey import Survey
from weft.lowlevel import current
from weft.testing._alarm import alarm
from weft.testing._leaks import describe, end, unfinished
from weft.testing._seeded import ambient


def renew_hub() -> None:
    """Give the test a hub as if just made, unless tasks of wider fixtures live on this one."""
    unfinished(lambda _: True)
    _trial.renew()


@contextmanager
def tasks_noted(started: list[Task]) -> Iterator[None]:
    """Put into ``started`` what the block starts and does not end, itself or by tasks of its own.

    What a task from before has started is not its business: a server's connections.
    """
    main = current()
    strangers = set(_trial.own_tasks()) - {main}
    try:
        yield
    finally:
        for task in _trial.own_tasks():
            origin: Task | None = task
            while origin is not None and origin is not main and origin not in strangers:
                origin = origin.spawned_by
            if (origin is None or origin is main) and task is not main:
                started.append(task)


def end_all(started: list[Task]) -> str:
    """End what is left of ``started``; what that was, in words, or nothing."""
    asked = set(started)

    def concerns(task: Task) -> bool:
        """Not what others start meanwhile: a server's connections."""
        origin: Task | None = task
        while origin is not None and origin not in asked:
            origin = origin.spawned_by
        return origin is not None

    left = unfinished(concerns)
    text = describe(left, "the test left tasks behind:") if left else ""
    end(left)
    started.clear()
    return text


@contextmanager
def in_schedule(seed: int | None) -> Iterator[None]:
    with ExitStack() as stack:
        if seed is not None:
            stack.enter_context(ambient(seed))
        yield


@contextmanager
def watched(seconds: float | None, watchdogs: int, stderr: int) -> Iterator[None]:
    """Fail the block if nothing can run any more, or if it takes longer than ``seconds``.

    Args:
      seconds: of real time; None for any.
      watchdogs: OS threads that wake no task, besides its own.
      stderr: descriptor to say on that the thread hangs outside of weft.
    """
    own = watchdogs + 1

    def on_doubt(stage: int) -> None:
        if _trial.virtual_now() is None and not _doubt.all_hubs_idle():
            return
        if stage == 2 or _trial.virtual_now() is not None or is_certain(own):
            _doubt.raise_in_main(Deadlock(deadlock(Survey())))

    before = _doubt.on_doubt(on_doubt)
    try:
        with alarm(seconds, stderr):
            yield
    finally:
        _doubt.on_doubt(before)


def is_certain(watchdogs: int) -> bool:
    """Whether no OS thread and no signal handler is there that could wake a task."""
    unknown = _doubt.strangers()
    return unknown is not None and unknown <= watchdogs and not handled_signals()
