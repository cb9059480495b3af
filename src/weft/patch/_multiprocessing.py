"""Puts weft's ``SemLock`` beneath ``multiprocessing``, whose locks, events and queues stand on it.

The rest of the package waits in ``os``, ``select``, ``selectors``, ``socket`` and ``threading``.
"""

import sys
from typing import Any

from weft.patch import _late
from weft.patch._registry import replace

LOCKS = ("Lock", "RLock", "Semaphore", "BoundedSemaphore")


def patch() -> None:
    """Make :mod:`multiprocessing` cooperative, if the system has semaphores for it."""
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


def made_before(lock: Any) -> str:
    return "a lock of multiprocessing made before: who waits for it stops his whole thread"
