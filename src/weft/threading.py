"""Green ``threading``: a :class:`Thread` is a task, and all the rest waits as tasks do.

The names, signatures and errors are the stdlib's, and so is the code: the
stdlib's module run once more, over the functions of :mod:`weft._threads` in
place of ``_thread``'s. In a patched program ``threading`` itself is as green.

Example:
  >>> import weft.threading
  >>> thread = weft.threading.Thread(target=print, args=("hello from a task",))
  >>> thread.start()
  hello from a task
  >>> thread.join()
"""

import _thread
import sys
import threading as _stdlib
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import weft.time
from weft._core._local import green_task
from weft._core._local import local as _local
from weft._core._lock import Lock as _Lock
from weft._core._lock import RLock as _RLock
from weft._core._lock import allocate_lock, allocate_signal
from weft._errors import Cancelled
from weft._modules import copy_of, view
from weft._threads import GREEN, JOINABLE

if TYPE_CHECKING:
    from threading import *  # noqa: F403

# What every copy of the module has in common with the stdlib's: who is a thread.
SHARED = ("BrokenBarrierError", "_active", "_dangling", "_limbo", "_main_thread")

_native_make_hook = _stdlib._make_invoke_excepthook  # type: ignore[attr-defined]


def copy_over(thread: ModuleType, own_name: str, **instead: ModuleType) -> ModuleType:
    """The stdlib's ``threading`` run once more, over ``thread`` in place of ``_thread``.

    The copy knows the same threads as the stdlib's module: ``enumerate`` and
    ``current_thread`` of either find those of both.
    """
    made = copy_of("threading", {"_thread": thread, **instead}, own_name)
    names = vars(made)
    # Making its own main thread, it has registered a lock that nobody would release.
    names.get("_shutdown_locks", set()).clear()
    names.update({name: getattr(_stdlib, name) for name in SHARED})
    return made


def beneath(module: ModuleType) -> dict[str, object]:
    """What makes ``module``, the stdlib's ``threading`` or a copy, green: name and new value."""
    return {
        "Lock": GREEN["lock" if JOINABLE else "allocate_lock"],
        "_CRLock": GREEN["RLock"],
        "_DeleteDummyThreadOnDel": _Dummy,
        "_DummyThread": dummy_class(module),
        "_LockType": GREEN["lock"],
        "_ThreadHandle": GREEN["_ThreadHandle"],
        "_active_limbo_lock": _RLock(),
        # Condition.wait makes its waiters with it.
        "_allocate_lock": allocate_signal,
        "_make_invoke_excepthook": _make_invoke_excepthook,
        "_make_thread_handle": GREEN["_make_thread_handle"],
        "_set_sentinel": GREEN["_set_sentinel"],
        "_shutdown_locks_lock": allocate_lock(),
        "_start_joinable_thread": GREEN["start_joinable_thread"],
        "_start_new_thread": GREEN["start_new_thread"],
        "_thread_shutdown": GREEN["_shutdown"],
        "get_ident": GREEN["get_ident"],
        "local": _local,
    }


def ending_wait(module: ModuleType) -> Callable[..., None]:
    """``Thread._wait_for_tstate_lock`` (until Python 3.12) for ``module``'s Threads.

    The stdlib's own takes a wait that an exception ended for the end of the
    thread (bpo-45274); a cancelled ``join`` must not.
    """
    native: Any = module.Thread._wait_for_tstate_lock

    def _wait_for_tstate_lock(self: Any, block: bool = True, timeout: float = -1) -> None:
        end = self._tstate_lock
        if not isinstance(end, _Lock):
            native(self, block, timeout)
        elif end.acquire(block, timeout):
            self._stop()

    return _wait_for_tstate_lock


def join_all(copy: Any) -> None:
    """Wait until every thread that ``copy`` started has ended, but for daemons."""
    if JOINABLE:
        copy._thread_shutdown()
        return
    while copy._shutdown_locks:
        end = copy._shutdown_locks.pop()
        end.acquire()
        end.release()


def join_at_exit() -> None:
    """Threads that are no daemons are waited for, as the stdlib's are, unless it does so itself."""
    if getattr(_stdlib, "_thread_shutdown", None) is not GREEN["_shutdown"]:
        join_all(_green)


def _make_invoke_excepthook() -> Callable[[Any], None]:
    """As the stdlib's, but a thread that ends because it was cancelled says nothing."""
    invoke = _native_make_hook()

    def invoke_excepthook(thread: Any) -> None:
        if not isinstance(sys.exc_info()[1], Cancelled):
            invoke(thread)

    return invoke_excepthook


class _Dummy:
    """Lies among a task's own values; as the task ends, it is no thread any more."""

    _of_task = _local()

    def __init__(self, thread: _stdlib.Thread) -> None:
        self.thread = thread
        self.ident = thread.ident
        self._of_task.dummy = self

    def __del__(self) -> None:
        # Without the lock: it may be a garbage collection, and nobody else has this identity.
        if _stdlib._active.get(self.ident) is self.thread:  # type: ignore[attr-defined]
            del _stdlib._active[self.ident]  # type: ignore[attr-defined]


def dummy_class(module: ModuleType) -> type:
    """What ``current_thread()`` makes for a task that no Thread started."""
    base: Any = module._DummyThread

    class _DummyThread(base):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            task = green_task()
            if task is not None:
                self._name = task.name
            if not JOINABLE:
                _Dummy(self)

    _DummyThread.__module__ = module.__name__
    _DummyThread.__qualname__ = "_DummyThread"
    return _DummyThread


_green: Any = copy_over(view(_thread, GREEN), __name__, time=weft.time)
vars(_green).update(beneath(_green))
if not JOINABLE:
    _green.Thread._wait_for_tstate_lock = ending_wait(_green)
_stdlib._register_atexit(join_at_exit)  # type: ignore[attr-defined]
if not TYPE_CHECKING:
    __all__ = _green.__all__
    globals().update({name: getattr(_green, name) for name in __all__})
