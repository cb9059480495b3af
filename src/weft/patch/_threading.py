"""Patches ``threading`` and ``_thread`` beneath it: a Thread becomes a task, and keeps its class.

Owns: the OS threads that ``original("threading")`` starts, which the
program's end waits for.
"""

import _thread
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType, ModuleType
from typing import Any

import weft.threading
from weft._core._api import tasks
from weft._core._ends import exit_with
from weft._core._local import get_ident, ident, local
from weft._core._lock import RLock, allocate_latch, allocate_lock
from weft._core._look import look
from weft._core._thread import profile_others, trace_others
from weft._errors import Deadlock
from weft._modules import view
from weft._threads import GREEN, JOINABLE
from weft.patch import _kept, _late, _registry
from weft.patch._places import Left
from weft.signal import pthread_kill

NATIVE_LOCK = type(_thread.allocate_lock())
NATIVE_RLOCK = _thread.RLock
NATIVE_LOCAL = _thread._local

# One latch for each OS thread to wait for; it opens as the thread ends.
_natives: set[Any] = set()


def patch() -> None:
    """Replace what lies beneath Thread, the locks and ``local``, and the locks there are."""
    for name, value in GREEN.items():
        _registry.replace(_thread, name, value)
    for name, value in weft.threading.beneath(threading).items():
        _registry.replace(threading, name, value, taken=False)
    if not JOINABLE:
        waiting = weft.threading.ending_wait(threading)
        _registry.replace(threading.Thread, "_wait_for_tstate_lock", waiting)
    for name, others in TRACING.items():
        if native := getattr(sys, name, None):
            _registry.replace(sys, name, for_all(native, others), taken=False)
    adopt_main_thread()
    shut_down = threading._shutdown  # type: ignore[attr-defined]

    def _shutdown() -> None:
        try:
            shut_down()
            join_natives()
        except Deadlock as report:
            # The interpreter would call it ignored, and report success.
            sys.excepthook(Deadlock, report.with_traceback(None), None)
            exit_with(1)

    _registry.replace(threading, "_shutdown", _shutdown)
    _registry.replace(signal, "pthread_kill", pthread_kill)
    _registry.replace(sys, "_current_frames", current_frames)
    repair_imports()
    _late.kinds += [
        _late.Kind(NATIVE_LOCK, "lock", lambda found: allocate_lock(), held),
        _late.Kind(NATIVE_RLOCK, "lock", lambda found: RLock(), held),
        _late.Kind(NATIVE_LOCAL, "local", green_local, lambda found: ""),
    ]
    _kept.adopt_heirs(NATIVE_LOCAL, local, "its instances are one for all tasks of a thread")
    _kept.adopt_heirs(NATIVE_RLOCK, RLock, "who waits for one stops his whole thread")
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            reason = "who joins it stops his whole thread"
            _registry.left.append(Left("", f"thread {thread.name!r}", reason))


def held(lock: Any) -> str:
    """Why a native lock cannot be replaced; "" if it can.

    Raises:
      ToBeKeptError: a running thread's end is told with it.
    """
    if any(lock is getattr(each, "_tstate_lock", None) for each in threading.enumerate()):
        raise _late.ToBeKeptError
    return "a lock that is held" if repr(lock).startswith("<locked") else ""


def green_local(found: Any) -> local:
    """The counterpart of a native local, with the values that it has in this thread."""
    made = local()
    made.__dict__.update(found.__dict__)
    return made


def repair_imports() -> None:
    """Let a task that imports what another is importing park."""
    bootstrap: Any = sys.modules["_frozen_importlib"]
    for reference in list(bootstrap._module_locks.values()):
        lock = reference()
        # Those who wait for the importer wait for ``wakeup``.
        if lock is not None and not lock.waiters and type(lock.wakeup) is NATIVE_LOCK:
            lock.wakeup = allocate_lock()


# What ``threading.settrace_all_threads`` stands on, and its twin (from Python 3.12 on).
TRACING = {"_settraceallthreads": trace_others, "_setprofileallthreads": profile_others}


def for_all(native: Callable[..., None], others: Callable[..., None]) -> Callable[..., None]:
    """``native``, which sets a function in all OS threads, for the tasks that wait in them too."""

    def set_in_all(function: Any, /) -> None:
        native(function)
        others(function)

    return set_in_all


def adopt_main_thread() -> None:
    """Let tasks that wait for the main thread's end park."""
    main: Any = threading.main_thread()
    if JOINABLE:
        _registry.put(main, "_handle", GREEN["_make_thread_handle"](main.ident))
    elif main._tstate_lock is not None:
        end = allocate_latch()
        end.acquire()
        _registry.undo.append(partial(set_end, main, main._tstate_lock))
        set_end(main, end)


def set_end(main: Any, end: Any) -> None:
    """Let ``end`` be the lock that opens as the main thread ends (until Python 3.12)."""
    locks = threading._shutdown_locks  # type: ignore[attr-defined]
    locks.discard(main._tstate_lock)
    main._tstate_lock = end
    locks.add(end)


def current_frames() -> dict[int, FrameType]:
    """The innermost frame of each thread, and of each task: as ``sys._current_frames``.

    Parks: never.
    """
    frames = _thread_frames()
    for task in tasks():
        stack = look(task)[-1]
        if stack:
            frames[ident(task)] = stack[0][0]
    frames[get_ident()] = sys._getframe(1)
    return frames


_thread_frames = sys._current_frames


# -- original("threading") ---------------------------------------------------------


def original() -> ModuleType:
    """``threading`` over the original ``_thread``: its Threads are OS threads."""
    native = _registry.original("_thread")
    without_hook = view(os, {})
    # What fork leaves of the threads is the stdlib's own copy's business: they are the same.
    del without_hook.register_at_fork
    # Importing threading tells _thread of the main thread's end, and it can be told only once.
    quiet = view(native, {"_set_sentinel": native.allocate_lock})
    made: Any = weft.threading.copy_over(quiet, "threading", os=without_hook)
    if JOINABLE:
        made._start_joinable_thread = starter(native.start_joinable_thread)
    else:
        made._set_sentinel = native._set_sentinel
        made._start_new_thread = starter(native.start_new_thread)
    _copies.append(made)
    module: ModuleType = made
    return module


_copies: list[ModuleType] = []


def starter(start: Callable[..., Any]) -> Callable[..., Any]:
    """``start``, for threads that the program's end waits for without blocking the hub."""

    def start_thread(bootstrap: Any, *args: Any, **options: Any) -> Any:
        end = allocate_latch()
        end.acquire()

        def run() -> None:
            try:
                bootstrap()
                join_own_green()
            finally:
                _natives.discard(end)
                end.release()

        if not bootstrap.__self__.daemon:
            _natives.add(end)
        try:
            return start(run, *args, **options)
        except BaseException:
            _natives.discard(end)
            raise

    return start_thread


def join_own_green() -> None:
    """In an OS thread that ends: its hub goes with it, so its green Threads must end first."""
    mine = threading.get_native_id()
    while True:
        left = [t for t in threading.enumerate() if t.native_id == mine and not t.daemon]
        if not left:
            return
        left[0].join()


def join_natives() -> None:
    """Park until the OS threads that are no daemons have ended."""
    while _natives:
        next(iter(_natives)).acquire()
    # Blocks for the moment it takes them to leave.
    for made in _copies:
        weft.threading.join_all(made)
