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
    checkpoint as checkpoint,
    closing as closing,
    current as current,
    now as now,
    park as park,
    spawn_in as spawn_in,
    spend as spend,
    statistics as statistics,
    tasks as tasks,
    unpark as unpark,
    wait_fds as wait_fds,
    wait_readable as wait_readable,
    wait_writable as wait_writable,
)
