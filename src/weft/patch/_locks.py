"""Locks that modules made before the patch: a task that waits for one would stop its whole thread.

A lock nobody holds is replaced where it lies in a module, a class of it, or an
object of the stdlib's that is made of locks. One that is held cannot be: it is
remembered, with its place, in ``left``. Nothing here parks.
"""

import _thread
import logging
import os
import queue
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from weft._core._lock import RLock, allocate_lock
from weft.patch import _registry

NATIVE_LOCK = type(_thread.allocate_lock())
NATIVE_RLOCK = _thread.RLock

# Where locks lie that were held at the time of the patch and are as they were.
left: list[str] = []
# id of a native lock -> it and its replacement: two that share a lock shall go on sharing one.
made: dict[int, tuple[object, object]] = {}


def replace_all() -> None:
    """Replace the native locks of every module imported so far."""
    for names in _registry.modules():
        repair_names(names, names.__setitem__, names["__name__"])
        for owned in _registry.classes(names):
            place = f"{names['__name__']}.{owned.__qualname__}"
            repair_names(vars(owned), partial(setattr, owned), place)
    repair_logging()
    repair_executors()
    repair_imports()
    made.clear()


def green(found: object, place: str) -> object:
    """The green counterpart of a native lock; ``found`` itself if it is none, or is held."""
    kind = type(found)
    if kind is not NATIVE_LOCK and kind is not NATIVE_RLOCK:
        return found
    if id(found) not in made:
        if repr(found).startswith("<locked"):
            left.append(place)
            return found
        made[id(found)] = found, RLock() if kind is NATIVE_RLOCK else allocate_lock()
    return made[id(found)][1]


def repair_names(names: Mapping[str, Any], put: Callable[[str, Any], None], place: str) -> None:
    """Replace the locks among ``names``, and those inside what they name."""
    for name, value in list(names.items()):
        repaired = green(value, f"{place}.{name}")
        if repaired is not value:
            put(name, repaired)
        else:
            repair_object(value, f"{place}.{name}")


def repair_object(found: Any, place: str) -> None:
    """Replace the locks inside one of the stdlib's objects that are made of locks."""
    kind = type(found)
    if kind is threading.Condition:
        repair_condition(found, place)
    elif kind is threading.Event or kind in (threading.Semaphore, threading.BoundedSemaphore):
        repair_condition(found._cond, place)
    elif kind in (queue.Queue, queue.LifoQueue, queue.PriorityQueue):
        repair_queue(found, place)


def repair_condition(condition: Any, place: str) -> None:
    """Give a condition nobody waits for a green lock."""
    lock = green(condition._lock, place)
    if lock is not condition._lock and not condition._waiters:
        # Its acquire and release are the old lock's own methods.
        condition.__init__(lock)


def repair_queue(found: Any, place: str) -> None:
    mutex = green(found.mutex, place)
    if mutex is found.mutex:
        return
    found.mutex = mutex
    for condition in (found.not_empty, found.not_full, found.all_tasks_done):
        if not condition._waiters:
            condition.__init__(mutex)


def repair_logging() -> None:
    """Replace the lock of every handler there is; the module's own is one of its globals."""
    for reference in list(logging._handlerList):  # type: ignore[attr-defined]
        handler = reference()
        if handler is not None and handler.lock is not None:
            handler.lock = green(handler.lock, f"logging handler {handler!r}")


def repair_executors() -> None:
    """Have a fork take the new lock of concurrent.futures, as it took the old one."""
    module = sys.modules.get("concurrent.futures.thread")
    if module is not None:
        lock = module._global_shutdown_lock
        os.register_at_fork(
            before=lock.acquire,
            after_in_child=lock._at_fork_reinit,
            after_in_parent=lock.release,
        )


def repair_imports() -> None:
    """Let a task that imports what another is importing park."""
    bootstrap: Any = sys.modules["_frozen_importlib"]
    for reference in list(bootstrap._module_locks.values()):
        lock = reference()
        # What it holds itself says that it is busy; a waiter holds ``wakeup``.
        if lock is not None and not lock.waiters and hasattr(lock, "wakeup"):
            lock.wakeup = allocate_lock()
