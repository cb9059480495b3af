"""Locks and locals that modules made before the patch.

A task that waits for a native lock stops its whole OS thread, and a native
local is one for all the tasks of a thread. Those that can be replaced are:
where they lie in a module, a class of it, or an object of the stdlib's that is
made of locks. The others are noted in the registry. Nothing here parks.
"""

import _thread
import os
import queue
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from weft._core._local import local
from weft._core._lock import Lock, RLock, allocate_lock
from weft.patch import _registry

NATIVE_LOCK = type(_thread.allocate_lock())
NATIVE_RLOCK = _thread.RLock
NATIVE_LOCAL = _thread._local
# By id: a class whose metaclass has an equality of its own may have no hash.
NATIVE = {id(kind) for kind in (NATIVE_LOCK, NATIVE_RLOCK, NATIVE_LOCAL)}

# id of a native object -> it and its replacement: two that share a lock shall go on sharing one.
made: dict[int, tuple[object, object]] = {}


def replace_all() -> None:
    """Replace the native locks and locals of every module imported so far."""
    for names in _registry.modules():
        module = names.get("__name__")
        repair_names(names, names.__setitem__, f"{module}")
        for owned in _registry.classes(names):
            place = f"{module}.{owned.__qualname__}"
            repair_names(vars(owned), partial(setattr, owned), place)
            if any(base is NATIVE_LOCAL for base in owned.__mro__):
                _registry.left.append(f"{place}: its instances are one for all tasks of a thread")
    repair_logging()
    repair_executors()
    repair_imports()
    made.clear()
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            _registry.left.append(f"thread {thread.name!r}: who joins it stops his whole thread")


def green(found: Any, place: str) -> Any:
    """The green counterpart of a native lock or local; ``found`` itself where there is none."""
    if id(type(found)) not in NATIVE:
        return found
    if id(found) not in made:
        if type(found) is not NATIVE_LOCAL and repr(found).startswith("<locked"):
            _registry.left.append(f"{place}: a lock that is held")
            return found
        made[id(found)] = found, counterpart(found)
    return made[id(found)][1]


def counterpart(found: Any) -> object:
    if type(found) is NATIVE_LOCAL:
        values = local()
        values.__dict__.update(found.__dict__)
        return values
    return RLock() if type(found) is NATIVE_RLOCK else allocate_lock()


def repair_names(names: Mapping[str, Any], put: Callable[[str, Any], None], place: str) -> None:
    """Replace what is native among ``names``, and inside what they name."""
    for name, value in list(names.items()):
        kind = id(type(value))
        if kind in NATIVE:
            put(name, green(value, f"{place}.{name}"))
        elif kind in MADE_OF_LOCKS:
            MADE_OF_LOCKS[kind](value, f"{place}.{name}")


def repair_condition(condition: Any, place: str) -> None:
    """Give a condition nobody waits for a green lock."""
    lock = green(condition._lock, place)
    if lock is not condition._lock and not condition._waiters:
        # Its acquire and release are the old lock's own methods.
        condition.__init__(lock)


def repair_by_condition(found: Any, place: str) -> None:
    repair_condition(found._cond, place)


def repair_queue(found: Any, place: str) -> None:
    mutex = green(found.mutex, place)
    conditions = (found.not_empty, found.not_full, found.all_tasks_done)
    if mutex is not found.mutex and not any(each._waiters for each in conditions):
        found.mutex = mutex
        for condition in conditions:
            condition.__init__(mutex)


def repair_logging() -> None:
    """Replace the lock of every handler there is; the module's own is one of its globals."""
    logging: Any = sys.modules.get("logging")
    for reference in list(getattr(logging, "_handlerList", ())):
        handler = reference()
        if handler is not None:
            handler.lock = green(handler.lock, f"logging handler {handler!r}")


def repair_executors() -> None:
    """Have a fork take the new lock of concurrent.futures, as it took the old one."""
    module: Any = sys.modules.get("concurrent.futures.thread")
    lock = getattr(module, "_global_shutdown_lock", None)
    if isinstance(lock, Lock):
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
        # Those who wait for the importer wait for ``wakeup``.
        if lock is not None and not lock.waiters and type(lock.wakeup) is NATIVE_LOCK:
            lock.wakeup = allocate_lock()


MADE_OF_LOCKS: dict[int, Callable[[Any, str], None]] = {
    id(threading.Condition): repair_condition,
    id(threading.Event): repair_by_condition,
    id(threading.Semaphore): repair_by_condition,
    id(threading.BoundedSemaphore): repair_by_condition,
    id(queue.Queue): repair_queue,
    id(queue.LifoQueue): repair_queue,
    id(queue.PriorityQueue): repair_queue,
}
