"""What code leaves behind: tasks, timers, descriptors."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from weft._core import _trial
from weft._core._task import Task
from weft._errors import Cancelled
from weft.lowlevel import checkpoint, statistics, unpark

# How often tasks that are ready may run on to come to their end.
ROUNDS = 100


def describe(tasks: Iterable[Task], lead: str) -> str:
    """``lead``, then each task with where it was spawned and what it waits for, a line each."""
    return "\n".join([lead, *(f"  {line(task)}" for task in tasks)])


def line(task: Task) -> str:
    reason = f" ({task.wait_reason})" if task.wait_reason else ""
    return f"{named(task)}: {task.state}{reason}"


def named(task: Task) -> str:
    place = task.spawn_place
    return f"task {task.name!r}" + (f", spawned at {place}" if place else "")


def unfinished(concerns: Callable[[Task], bool]) -> list[Task]:
    """Those of this hub's tasks, once all of them that can has run on until it parks."""
    for _ in range(ROUNDS):
        left = [task for task in _trial.own_tasks() if concerns(task)]
        if all(task.state == "parked" for task in left):
            break
        checkpoint()
    return left


def end(tasks: Iterable[Task]) -> None:
    """Cancel tasks wherever they wait, also where they otherwise would not be cancelled."""
    left = everyone = list(tasks)
    for _ in range(ROUNDS):
        left = [task for task in left if not task.done]
        if not left:
            break
        for task in left:
            reason = f"task {task.name!r} was cancelled: the test is over"
            if not unpark(task, exception=Cancelled(reason)):
                task.cancel(reason)
        checkpoint()
    for task in everyone:
        # What else they ended with is of no interest, and need not be logged.
        _ = task.exception


@contextmanager
def no_leaks() -> Iterator[None]:
    """A ``with`` block that fails if it leaves tasks, timers or open descriptors behind.

    Looks at the calling thread's hub. Tasks that are ready when the block ends
    may still run; those that wait for something count. If the block raises,
    that passes on and nothing is looked at.

    Raises:
      AssertionError: by the block; it names each task, its spawn place and its wait reason.

    Parks: at the block's end, while tasks are ready. Threads: any.

    Example:
      >>> import weft
      >>> from weft.testing import no_leaks
      >>> with no_leaks():
      ...     weft.spawn(weft.sleep, 0.001).join()
    """
    strangers = set(_trial.own_tasks())
    before = statistics()
    yield
    left = unfinished(lambda task: task not in strangers)
    found = [f"  {line(task)}" for task in left]
    if not left:
        found = [
            f"  {what}: {before[what]} before, {now} now"
            for what, now in statistics().items()
            if what in ("timers", "descriptors") and now > before[what]
        ]
    if found:
        raise AssertionError("\n".join(["the block left behind:", *found]))
