"""Puts weft's ``SemLock`` beneath ``multiprocessing``, whose locks, events and queues stand on it.

The rest of the package waits in ``os``, ``select``, ``selectors``, ``socket`` and ``threading``.
"""

from weft.patch._registry import replace


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
