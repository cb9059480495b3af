"""The stdlib's ``signal`` for tasks: the same names, signatures and errors.

Owns nothing. Must not know: patching.

A handler runs on the main task while that runs, as in Python, and else in a task of its own, as
soon as the hub comes to it. It may park there; what it raises is raised in the main task. Every
task of the main thread may set one. ``pause`` and the ``sigwait`` family park; a signal wakes
them.
"""

from __future__ import annotations

import os
import signal as _stdlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from math import inf
from typing import TYPE_CHECKING, Any

from weft._core import _handlers
from weft._core._api import now
from weft._core._fds import wait_fds
from weft._core._local import green_task, local, native_ident
from weft._core._waits import take_breath
from weft._counterpart import builtin, take_over

# Bound here: whatever is patched later, these are the originals.
_sigtimedwait = _stdlib.sigtimedwait
_sigmask = _stdlib.pthread_sigmask
_pthread_kill, _raise_signal = _stdlib.pthread_kill, _stdlib.raise_signal
_read, _close, _eventfd = os.read, os.close, os.eventfd
_eventfd_write = os.eventfd_write
_number: Callable[[Any], Any] = _stdlib._enum_to_int  # type: ignore[attr-defined]
_member: Callable[[Any, Any], Any] = _stdlib._int_to_enum  # type: ignore[attr-defined]


def signal(signalnum: int, handler: Any) -> Any:
    """Set the handler of a signal; as :func:`signal.signal`.

    Returns:
      What was set before: a function, ``SIG_DFL``, ``SIG_IGN``, or None for what is not Python's.

    Parks: never; now and then lets others run. Threads: the main thread, whichever of its tasks.

    Example:
      >>> from weft import signal
      >>> before = signal.signal(signal.SIGUSR2, lambda number, frame: print("got", number))
      >>> signal.raise_signal(signal.SIGUSR2)
      got 12
      >>> _ = signal.signal(signal.SIGUSR2, before)
    """
    take_breath()
    before = _handlers.set_handler(_number(signalnum), _number(handler))
    return _member(before, _stdlib.Handlers)


def getsignal(signalnum: int) -> Any:
    """The handler of a signal, as it was set by the program. Parks: never."""
    return _member(_handlers.get_handler(signalnum), _stdlib.Handlers)


@builtin
def set_wakeup_fd(fd: int, /, *, warn_on_full_buffer: bool = True) -> int:
    """Have the number of each signal written to ``fd``; as :func:`signal.set_wakeup_fd`.

    The hub, which needs to be told itself, passes the numbers on: before the handler runs, or at
    its next turn.

    Parks: never. Threads: the main thread.
    """
    return _handlers.set_wakeup_fd(fd, warn_on_full_buffer=warn_on_full_buffer)


@builtin
def pthread_kill(thread_id: int, signalnum: int, /) -> None:
    """Send a signal to an OS thread; a task's identity stands for the thread it runs in.

    Parks: never.
    """
    _pthread_kill(native_ident(thread_id), signalnum)


def pthread_sigmask(how: int, mask: Iterable[int]) -> set[Any]:
    """Block or unblock signals for the calling thread; as :func:`signal.pthread_sigmask`.

    A thread blocks signals to leave them to others. For a task that is not its thread's main task
    the mask is therefore only noted: blocked in the OS thread they would reach none of the others.

    Returns:
      What was blocked before.

    Parks: never. Threads: any; each task has its own mask.
    """
    given = set(mask)
    if green_task() is None or how not in _MASKED or not given <= _stdlib.valid_signals():
        return _sigmask(how, given)
    before: set[Any] = vars(_own).get("mask", _sigmask(_stdlib.SIG_BLOCK, ()))
    _own.mask = _MASKED[how](before, {_member(each, _stdlib.Signals) for each in given})
    return before


_own = local()
_MASKED: dict[int, Callable[[set[Any], set[Any]], set[Any]]] = {
    _stdlib.SIG_BLOCK: set.__or__,
    _stdlib.SIG_UNBLOCK: set.__sub__,
    _stdlib.SIG_SETMASK: lambda before, given: given,
}


@builtin
def raise_signal(signalnum: int, /) -> None:
    """Send a signal to the program itself; as :func:`signal.raise_signal`.

    Parks: never; now and then lets others run, so that the handler does.
    """
    take_breath()
    _raise_signal(signalnum)


pause = _handlers.pause


def sigwait(sigset: Iterable[int]) -> Any:
    """Wait for one of the signals, and take it; as :func:`signal.sigwait`.

    Returns:
      Its number, a member of ``Signals``.

    Raises:
      Cancelled: the task was cancelled.

    Parks: unless one is pending. Woken by: the signal. Threads: any.
    """
    return _member(sigwaitinfo(sigset).si_signo, _stdlib.Signals)


@builtin
def sigwaitinfo(sigset: Iterable[int], /) -> Any:
    """Wait for one of the signals, and learn where it came from; as :func:`signal.sigwaitinfo`.

    Of a signal that is not blocked only the number is known. Parks: as :func:`sigwait`.
    """
    return _take(sigset, inf)


@builtin
def sigtimedwait(sigset: Iterable[int], timeout: float, /) -> Any:
    """:func:`sigwaitinfo` for ``timeout`` seconds at most; returns None when they have passed."""
    if not timeout > 0:
        return _sigtimedwait(sigset, timeout)
    return _take(sigset, now() + timeout)


def _take(sigset: Iterable[int], deadline: float) -> Any:
    """Take one of the signals that is pending, or parked until one is; None after the deadline."""
    signals = set(sigset)
    found = _sigtimedwait(signals, 0)
    if found:
        return found
    blocked = signals & set(_sigmask(_stdlib.SIG_BLOCK, ()))
    pending = _handlers.signal_descriptor(blocked)
    try:
        with _caught(signals) as (caught, bell):
            while not found and not caught:
                if not wait_fds([(pending, 1), (bell, 1)], deadline):
                    return None
                found = _sigtimedwait(blocked, 0)
            return found or _stdlib.struct_siginfo((caught.popleft(), 0, 0, 0, 0, 0, 0))
    finally:
        _close(pending)


@contextmanager
def _caught(signals: set[int]) -> Iterator[tuple[deque[int], int]]:
    """Collect the signals that are not blocked everywhere, in place of what they are handled by.

    The kernel gives a thread that waits for such a signal precedence over its handler; but here
    only a task waits. Blocked they must not be: the programs that other tasks start meanwhile
    would inherit that. One that is blocked may come to another thread, as those of weft's pool.

    Returns:
      Where they are collected, and a descriptor that becomes readable with the first.
    """
    caught: deque[int] = deque()
    bell = _eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def take(signalnum: int) -> None:
        caught.append(signalnum)
        _eventfd_write(bell, 1)

    try:
        for each in signals:
            _handlers.catch_signal(each, take)
        yield caught, bell
    finally:
        for each in signals:
            _handlers.release_signal(each, take)
        _close(bell)
        for each in caught:
            # More came than were wanted.
            _raise_signal(each)


def adopt() -> None:
    """Have the handlers that were set with the stdlib's functions run where they belong.

    Parks: never. Threads: the main thread.
    """
    for each in _stdlib.valid_signals():
        handler = getsignal(each)
        if callable(handler) and not str(getattr(handler, "__module__", "")).startswith("weft."):
            signal(each, handler)


def give_back() -> None:
    """Undo :func:`adopt`, and every :func:`signal`: CPython gets the program's handlers itself."""
    for each in _stdlib.valid_signals():
        _handlers.give_back(each)


take_over(_stdlib, globals())

# The stdlib says of all its functions that they are its own.
_OWN: tuple[Any, ...] = (signal, getsignal, pthread_sigmask, sigwait, sigwaitinfo, sigtimedwait)
for _each in (*_OWN, set_wakeup_fd, pthread_kill, raise_signal):
    _each.__module__ = _stdlib.__name__

if TYPE_CHECKING:
    # What is not defined above.
    from signal import *  # noqa: F403
