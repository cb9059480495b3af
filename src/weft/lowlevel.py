"""The core, for those who write primitives and drivers.

``park`` and ``unpark`` are the one mechanism: a task parks after putting itself
where somebody will find it, and is woken exactly once, by ``unpark``, by its
deadline or by a cancellation. ``unpark`` may be called from any thread and
never switches.

Example:
  >>> import weft
  >>> from weft import lowlevel
  >>> def waiter():
  ...     return lowlevel.park("example")
  >>> task = weft.spawn(waiter)
  >>> weft.checkpoint()
  >>> lowlevel.unpark(task, "hello")
  True
  >>> task.result()
  'hello'
"""

from weft._core._api import (
    checkpoint,
    current,
    now,
    park,
    spawn_in,
    spend,
    statistics,
    tasks,
    unpark,
)
from weft._core._fds import closing, wait_fds, wait_readable, wait_writable

__all__ = [
    "checkpoint",
    "closing",
    "current",
    "now",
    "park",
    "spawn_in",
    "spend",
    "statistics",
    "tasks",
    "unpark",
    "wait_fds",
    "wait_readable",
    "wait_writable",
]
