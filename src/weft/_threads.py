"""Green threads as ``_thread`` offers OS threads: start, identify, join.

Owns: the green threads that run. Must not know: ``threading.Thread`` beyond
its name and daemon flag; that class stands on these functions, in
:mod:`weft.threading` and in the patched stdlib. A caller parks in
``_ThreadHandle.join``; the ending thread wakes it.

Identity: a task's ``get_ident()`` is its own; ``get_native_id()`` is that of
the OS thread, which it shares with others. ``stack_size`` concerns OS threads.
"""

from __future__ import annotations

import _thread
import os
import sys
from collections.abc import Callable
from contextvars import Context
from typing import Any

from weft._core._api import current, spawn_in
from weft._core._ends import spare_at_exit
from weft._core._local import forget_locals, get_ident, green_task, ident, local
from weft._core._lock import Lock, RLock, allocate_latch, allocate_lock
from weft._core._task import Task
from weft._core._thread import spawned_by, thread_failed
from weft._errors import Cancelled

JOINABLE = sys.version_info >= (3, 13)  # _thread has handles to join, and no sentinels

_native_count = _thread._count

# Modules that start threads for others: a thread was spawned where these were called.
_STARTERS = ("threading", "weft.threading", "concurrent.futures.thread")

# Green threads that run, each with what to call when it has ended.
_running: dict[Task, Callable[[], object] | None] = {}
# Handles of the running threads that the interpreter's exit waits for (from 3.13 on).
_awaited: set[_ThreadHandle] = set()


def start_new_thread(
    function: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any] | None = None, /
) -> int:
    """Start a green thread that calls ``function(*args, **kwargs)``; as ``_thread``'s.

    Returns:
      Its identity, what :func:`get_ident` returns in it.

    Raises:
      TypeError: an argument is of the wrong type.

    Parks: never. The thread starts once the caller parks, in an empty context.
    """
    if not callable(function):
        raise TypeError("first arg must be callable")
    if not isinstance(args, tuple):
        raise TypeError("2nd arg must be a tuple")
    if kwargs is not None and not isinstance(kwargs, dict):
        raise TypeError("optional 3rd arg must be a dictionary")
    return ident(_spawn(function, args, kwargs or {}, None))


def _spawn(
    function: Callable[..., object],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    ended: Callable[[], object] | None,
) -> Task:
    task = spawn_in(_run, (function, args, kwargs, ended), context=Context())
    caller = sys._getframe(2)
    while caller.f_back and caller.f_globals.get("__name__") in _STARTERS:
        caller = caller.f_back
    spawned_by(task, caller)
    thread: Any = getattr(function, "__self__", None)
    # Not isinstance: weft.threading's Thread is another class than the stdlib's.
    if getattr(function, "__name__", None) == "_bootstrap" and hasattr(thread, "_daemonic"):
        task.name = thread.name
    else:
        task.name = f"{getattr(function, '__qualname__', type(function).__qualname__)}-{task.id}"
    return task


def _run(
    function: Callable[..., object],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    ended: Callable[[], object] | None,
) -> None:
    """Body of a green thread's task."""
    me = current()
    _running[me] = ended
    try:
        function(*args, **kwargs)
    except (SystemExit, Cancelled):
        pass
    except BaseException as error:
        thread_failed(error, function)
    finally:
        # All that was the thread's goes before anybody who joins it goes on.
        del function, args, kwargs
        forget_locals()
        _end(me)


def _end(task: Task) -> None:
    ended = _running.pop(task)
    if ended is not None:
        ended()


def _count() -> int:
    """How many threads run that were started here or by ``_thread`` itself."""
    return len(_running) + _native_count()


def _set_sentinel() -> Lock:
    """A latch that opens when the calling thread has ended (until Python 3.12)."""
    sentinel = allocate_latch()
    me = green_task()
    if me in _running:
        _running[me] = sentinel.release
    return sentinel


class _ThreadHandle:
    """What a thread is joined by (from Python 3.13 on)."""

    __slots__ = ("__weakref__", "_alive", "ident")

    def __init__(self) -> None:
        self.ident = 0
        # Opens as the thread ends.
        self._alive: Lock | None = None

    def __repr__(self) -> str:
        return f"<_ThreadHandle object: ident={self.ident}>"

    def is_done(self) -> bool:
        return self._alive is not None and not self._alive.locked()

    def join(self, timeout: float | None = None) -> None:
        alive = self._started()
        if self.ident == get_ident() and alive.locked():
            raise RuntimeError("Cannot join current thread")
        alive.acquire(timeout=-1 if timeout is None or timeout < 0 else timeout)

    def _set_done(self) -> None:
        _awaited.discard(self)
        self._started().release()

    def _start(self, number: int) -> None:
        if self._alive is not None:
            raise RuntimeError("thread already started")
        self.ident = number
        self._alive = allocate_latch()
        self._alive.acquire()

    def _started(self) -> Lock:
        if self._alive is None:
            raise RuntimeError("thread not started")
        return self._alive


def _make_thread_handle(number: int) -> _ThreadHandle:
    """A handle for a thread that runs already."""
    handle = _ThreadHandle()
    handle._start(number)
    return handle


def start_joinable_thread(
    function: Callable[[], object], handle: _ThreadHandle | None = None, daemon: bool = True
) -> _ThreadHandle:
    """Start a green thread that calls ``function()``; as ``_thread``'s (from Python 3.13 on).

    Raises:
      TypeError: ``function`` cannot be called, or ``handle`` is none.
      RuntimeError: the handle has been used before.

    Parks: never.
    """
    if not callable(function):
        raise TypeError("thread function must be callable")
    if handle is None:
        handle = _ThreadHandle()
    elif not isinstance(handle, _ThreadHandle):
        raise TypeError("'handle' must be a _ThreadHandle")
    handle._start(0)
    handle.ident = ident(_spawn(function, (), {}, handle._set_done))
    if not daemon:
        _awaited.add(handle)
    return handle


def _shutdown() -> None:
    """Wait for every thread that is not a daemon, also for those started meanwhile."""
    while _awaited:
        next(iter(_awaited)).join()


def _after_fork() -> None:
    """Only the forking task goes on in the child; for all others the threads have ended."""
    me = green_task()
    for task in list(_running):
        if task is not me:
            _end(task)


os.register_at_fork(after_in_child=_after_fork)
# Those that the program's end waits for have ended by then; the others are daemons.
spare_at_exit(_running)

# What stands in ``_thread`` once it is green; a version of Python has some of these.
GREEN: dict[str, Any] = {
    "LockType": Lock,
    "RLock": RLock,
    "_ThreadHandle": _ThreadHandle,
    "_count": _count,
    "_local": local,
    "_make_thread_handle": _make_thread_handle,
    "_set_sentinel": _set_sentinel,
    "_shutdown": _shutdown,
    "allocate": allocate_lock,
    "allocate_lock": allocate_lock,
    "get_ident": get_ident,
    "lock": Lock,
    "start_joinable_thread": start_joinable_thread,
    "start_new": start_new_thread,
    "start_new_thread": start_new_thread,
}
