"""Puts weft's ``SemLock`` beneath ``multiprocessing``, whose locks, events and queues stand on it.

The rest of the package waits in ``os``, ``select``, ``selectors``, ``socket`` and ``threading``.
What it calls when an object is gone may wait too: in a garbage collection a task does that.
"""

import sys
from functools import partial, wraps
from types import ModuleType
from typing import Any

from weft._core._api import spawn
from weft._core._thread import collects
from weft.patch import _late, _registry
from weft.patch._registry import replace

LOCKS = ("Lock", "RLock", "Semaphore", "BoundedSemaphore")


def patch() -> None:
    """Make :mod:`multiprocessing` cooperative."""
    _registry.when_imported("multiprocessing.util", leave_to_task)
    replace_semaphores()


def replace_semaphores() -> None:
    """Put weft's in place, if the system has semaphores for processes."""
    try:
        import _multiprocessing  # type: ignore[import-not-found]
    except ImportError:
        return
    if not hasattr(_multiprocessing, "SemLock"):
        return  # Python was built without them
    from weft._semlock import SemLock

    replace(_multiprocessing, "SemLock", SemLock)
    early: Any = sys.modules.get("multiprocessing.synchronize")
    if early is not None:
        kinds = [getattr(early, name) for name in LOCKS]
        _late.kinds += [_late.Kind(kind, "lock", None, made_before) for kind in kinds]


def leave_to_task(module: ModuleType) -> None:
    """Have a task call back for a finalizer in a garbage collection: a manager's joins a process.

    It could not park where it is, and a manager it failed to end would never be ended: the
    program's end waits for it. What else the finalizer does, it does at once.
    """
    finalizer: Any = module.Finalize
    call = finalizer.__call__

    @wraps(call)
    def __call__(self: Any, *gone: Any) -> Any:  # noqa: N807
        if gone and collects() and self.still_active() and not sys.is_finalizing():
            self._callback = partial(spawn, self._callback)
        return call(self, *gone)

    _registry.put(finalizer, "__call__", __call__)


def made_before(lock: Any) -> str:
    return "a lock of multiprocessing made before: who waits for it stops his whole thread"
