"""weft runs plain blocking Python concurrently.

Ten thousand tasks in one OS thread, each written as ordinary blocking code and
switched by an event loop whenever it would wait.

Example:
  >>> import weft
  >>> def square(x):
  ...     weft.sleep(0.001)
  ...     return x * x
  >>> [task.result() for task in [weft.spawn(square, n) for n in range(4)]]
  [0, 1, 4, 9]

PYTEST_DONT_REWRITE: ``weft run -m pytest`` has imported this before pytest could, which
otherwise warns of it; the plugin asserts nothing.
"""

from weft._core._api import (
    checkpoint,
    current,
    now,
    sleep,
    spawn,
    tasks,
)
from weft._core._barrier import Barrier
from weft._core._channel import Receiver, Sender, channel
from weft._core._choose import choose
from weft._core._condition import Condition
from weft._core._doubt import on_doubt as _on_doubt
from weft._core._event import Event
from weft._core._group import Group, group
from weft._core._limiter import CapacityLimiter
from weft._core._local import local
from weft._core._mutex import Lock, RLock
from weft._core._scope import Timeout, move_on_after, shield, timeout, timeout_at
from weft._core._semaphore import BoundedSemaphore, Semaphore
from weft._core._task import Task
from weft._errors import (
    Cancelled,
    ChannelClosed,
    Deadlock,
    TaskError,
    WeftError,
    WorkerDied,
)
from weft._tasks import joinall

__all__ = [
    "Barrier",
    "BoundedSemaphore",
    "Cancelled",
    "CapacityLimiter",
    "ChannelClosed",
    "Condition",
    "Deadlock",
    "Event",
    "Group",
    "LifoQueue",
    "Lock",
    "Pool",
    "PriorityQueue",
    "Queue",
    "RLock",
    "Receiver",
    "Semaphore",
    "Sender",
    "ShutDown",
    "Task",
    "TaskError",
    "Timeout",
    "WeftError",
    "WorkerDied",
    "channel",
    "checkpoint",
    "choose",
    "current",
    "first",
    "gather",
    "group",
    "joinall",
    "local",
    "map",
    "move_on_after",
    "now",
    "offload",
    "open",
    "parallel",
    "parallel_map",
    "pipeline",
    "shield",
    "sleep",
    "spawn",
    "tasks",
    "timeout",
    "timeout_at",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from weft import events as events
    from weft import inspect as inspect
    from weft import lowlevel as lowlevel
    from weft import patch as patch
    from weft import servers as servers
    from weft import socket as socket
    from weft import ssl as ssl
    from weft import testing as testing
    from weft._core._priority import PriorityQueue
    from weft._core._queue import LifoQueue, Queue, ShutDown
    from weft._fanout import first, gather, map  # noqa: A004
    from weft._offload import offload
    from weft._open import open  # noqa: A004
    from weft._parallel import parallel, parallel_map
    from weft._pipeline import pipeline
    from weft._pool import Pool
    from weft.servers import serve_tcp as serve_tcp
del TYPE_CHECKING

# What is dear to import is imported when it is first asked for (PEP 562).
_LAZY = {
    "LifoQueue": "weft._core._queue",
    "Pool": "weft._pool",
    "PriorityQueue": "weft._core._priority",
    "Queue": "weft._core._queue",
    "ShutDown": "weft._core._queue",
    "events": "weft.events",
    "first": "weft._fanout",
    "gather": "weft._fanout",
    "inspect": "weft.inspect",
    "lowlevel": "weft.lowlevel",
    "map": "weft._fanout",
    "offload": "weft._offload",
    "open": "weft._open",
    "parallel": "weft._parallel",
    "parallel_map": "weft._parallel",
    "patch": "weft.patch",
    "pipeline": "weft._pipeline",
    "serve_tcp": "weft.servers",
    "servers": "weft.servers",
    "socket": "weft.socket",
    "ssl": "weft.ssl",
    "testing": "weft.testing",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("weft")
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module 'weft' has no attribute {name!r}")
    from importlib import import_module

    loaded = import_module(module)
    value = loaded if module == f"weft.{name}" else getattr(loaded, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY, "__version__"})


def _in_doubt(stage: int) -> None:
    from weft.inspect._deadlock import on_doubt

    on_doubt(stage)


_on_doubt(_in_doubt)
