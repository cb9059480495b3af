"""What is built on tasks alone."""

from collections.abc import Iterable

from weft._core._api import now
from weft._core._task import Task


def joinall(tasks: Iterable[Task], seconds: float | None = None) -> list[Task]:
    """Wait until every task is done; their exceptions are not raised here.

    Args:
      tasks: any tasks, of this thread or others.
      seconds: give up after so long for all of them together; None waits for ever.

    Returns:
      The tasks that are done, in the order given: all of them unless time ran out.

    Raises:
      Cancelled: the *calling* task was cancelled.

    Parks: if a task is not done. Woken by: their ends, or the deadline. Threads: any.

    Example:
      >>> import weft
      >>> tasks = [weft.spawn(abs, -n) for n in range(3)]
      >>> [task.result() for task in weft.joinall(tasks)]
      [0, 1, 2]
    """
    waited = list(tasks)
    deadline = None if seconds is None else now() + seconds
    for task in waited:
        if not task.join(None if deadline is None else max(0.0, deadline - now())):
            break
    return [task for task in waited if task.done]


def name_of(fn: object) -> str:
    """What a task that runs ``fn`` is called after."""
    fn = getattr(fn, "func", fn)  # of functools.partial
    return str(getattr(fn, "__qualname__", type(fn).__qualname__))
