"""Waiting for child processes, as the tasks' way of wait(2) and its kin.

Owns nothing; in particular no child: nobody reaps here but the caller, with the original
function, told not to wait (WNOHANG). Only when that finds nothing does the calling task park.

What wakes it: a pidfd, which the kernel makes readable when its process has ended; for any
child, one for each of them. Where there is no such thing, as for a child that stops or goes on, a
thread of weft's pool waits, and leaves the child where it is (WNOWAIT).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from math import inf
from select import POLLIN
from typing import Any, TypeVar

from weft._core._api import now, sleep, spend
from weft._core._fds import wait_fds, wait_readable
from weft._counterpart import builtin
from weft._offload import run

T = TypeVar("T")

# Bound here: whatever is patched later, these are the originals.
_waitpid, _wait3, _wait4, _waitid = os.waitpid, os.wait3, os.wait4, os.waitid
_close = os.close
_pidfd_open: Callable[[int], int] | None = getattr(os, "pidfd_open", None)
_P_PIDFD: int | None = getattr(os, "P_PIDFD", None)

# A kernel without pidfds is asked again after so many seconds, doubled up to the last.
_FIRST_PAUSE, _LAST_PAUSE = 0.0005, 0.05
# Seconds until who waits for any child looks for those that were born meanwhile.
_NEW_CHILDREN = 0.1


@builtin
def waitpid(pid: int, options: int, /) -> tuple[int, int]:
    """Wait for a child; as :func:`os.waitpid`.

    Raises:
      ChildProcessError: there is no such child.
      Cancelled: the task was cancelled.

    Parks: unless one has ended already, or ``options`` has WNOHANG. Woken by: the end of the
    child. Threads: any.
    """
    found: tuple[int, int] = _until(lambda: _waitpid(pid, options | os.WNOHANG), pid, options)
    return found


@builtin
def wait() -> tuple[int, int]:
    """Wait for any child; as :func:`os.wait`. Parks: as :func:`waitpid`."""
    return waitpid(-1, 0)


@builtin
def wait3(options: int) -> Any:
    """Wait for any child, and learn what it used; as :func:`os.wait3`. Parks likewise."""
    return _until(lambda: _wait3(options | os.WNOHANG), -1, options)


@builtin
def wait4(pid: int, options: int) -> Any:
    """Wait for a child, and learn what it used; as :func:`os.wait4`. Parks likewise."""
    return _until(lambda: _wait4(pid, options | os.WNOHANG), pid, options)


@builtin
def waitid(idtype: int, id: int, options: int, /) -> Any:  # noqa: A002 - the stdlib's name
    """Wait for a child to change its state; as :func:`os.waitid`. Parks likewise."""
    if idtype == _P_PIDFD and not os.get_blocking(id):
        return _waitid(idtype, id, options)
    spend()
    found = _waitid(idtype, id, options | os.WNOHANG)
    while found is None and not options & os.WNOHANG:
        park_until_changed(idtype, id, options & (os.WEXITED | os.WSTOPPED | os.WCONTINUED))
        found = _waitid(idtype, id, options | os.WNOHANG)
    return found


def _until(ask: Callable[[], Any], pid: int, options: int) -> Any:
    """What ``ask`` says of ``pid``, parked until that is something."""
    spend()
    found = ask()
    while not found[0] and not options & os.WNOHANG:
        if pid > 0:
            who = os.P_PID, pid
        elif pid == -1:
            who = os.P_ALL, 0
        else:
            who = os.P_PGID, -pid or os.getpgrp()
        park_until_changed(*who, os.WEXITED | options & (os.WUNTRACED | os.WCONTINUED))
        found = ask()
    return found


def park_until_changed(idtype: int, number: int, states: int) -> None:
    """Park until a child may have come to one of ``states``, or there is none; then ask again."""
    if states == os.WEXITED:
        if idtype == os.P_PID:
            park_until_exit(number)
            return
        if idtype == _P_PIDFD:
            wait_readable(number)
            return
        if park_until_any_exit(number if idtype == os.P_PGID else 0):
            return
    try:
        run(_waitid, idtype, number, states | os.WNOWAIT)
    except ChildProcessError:
        pass  # asked again, the original says so itself


def park_until_any_exit(group: int) -> bool:
    """Park until a child may have ended; False if the kernel does not say which there are.

    Args:
      group: only children of this process group; 0 for all.

    Parks: unless False. Woken by: the end of a child, or after 0.1 s. Threads: any.
    """
    fds: list[int] = []
    try:
        if _pidfd_open is None:
            return False
        for pid in children():
            if not group or os.getpgid(pid) == group:
                fds.append(_pidfd_open(pid))
        wait_fds([(fd, POLLIN) for fd in fds], now() + _NEW_CHILDREN)
    except OSError:
        return False  # no descriptors left, or another task has taken one of them just now
    finally:
        for fd in fds:
            _close(fd)
    return True


def children() -> list[int]:
    """The process ids of this process's children, whichever of its threads started them.

    Raises:
      OSError: the kernel does not say.
    """
    found: list[int] = []
    for thread in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{thread}/children", encoding="ascii") as file:
            found += map(int, file.read().split())
    return found


def park_until_exit(pid: int, deadline: float = inf) -> None:
    """Park until the process ``pid`` has ended, or is no child any more.

    Args:
      deadline: absolute seconds on :func:`weft.now`'s clock.

    Raises:
      TimeoutError: the deadline passed.
      Cancelled: the task was cancelled.

    Parks: always. Woken by: the end of the process, or the deadline. Threads: any.
    """
    try:
        fd = None if _pidfd_open is None else _pidfd_open(pid)
    except OSError as error:
        if error.errno == errno.ESRCH:
            sleep(0)
            return
        fd = None  # an old kernel, or no descriptors left
    if fd is None:
        _pause_until_exit(pid, deadline)
        return
    try:
        wait_readable(fd, deadline=deadline)
    finally:
        _close(fd)


def _pause_until_exit(pid: int, deadline: float) -> None:
    pause = _FIRST_PAUSE
    while _waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        left = deadline - now()
        if left <= 0:
            raise TimeoutError("the deadline passed")
        sleep(min(pause, left))
        pause = min(2 * pause, _LAST_PAUSE)
