"""SemLock: the semaphores that processes share, for tasks.

Owns: who holds one in this process, and who waits for it here. Must not know: which class of
:mod:`multiprocessing` stands on it. The semaphore itself is the kernel's, and processes with and
without weft share it. ``acquire`` parks; a thread of the pool, which waits in C, wakes the task.
"""

from __future__ import annotations

import _multiprocessing  # type: ignore[import-not-found]
import os
from math import inf
from types import TracebackType
from typing import Any, Self

from weft._core._api import now
from weft._core._local import get_ident
from weft._core._pool import call_in_thread
from weft._core._semaphore import Semaphore
from weft._core._waits import take_breath

_Native: Any = _multiprocessing.SemLock
_take = _Native.acquire

# What ``kind`` may be: only the holder releases the first, and takes it repeatedly.
RECURSIVE_MUTEX, SEMAPHORE = 0, 1
# Seconds until a thread that waits for a semaphore looks whether its task still does.
PATIENCE = 0.5


class SemLock(_Native):  # type: ignore[misc]
    """A semaphore shared by processes, as ``_multiprocessing.SemLock``; held by tasks.

    For the kernel, and in C, it is always a plain semaphore: the original takes the OS thread for
    the holder of a recursive one, and that runs many tasks.

    Example:
      >>> import weft.patch
      >>> weft.patch.all()
      >>> import multiprocessing
      >>> with multiprocessing.Lock() as held:
      ...     held
      True
    """

    __slots__ = ("_depth", "_owner", "_process", "_recursive", "_turn")

    _depth: int  # how often it is held in this process, over all tasks unless it is recursive
    _owner: int  # identity of the task that took it last
    _process: int  # whose ``_turn`` it is
    _turn: Semaphore  # taken by the one task whose thread waits in C; the others wait for it
    _recursive: bool

    def __new__(cls, kind: int, value: int, maxvalue: int, name: str, unlink: bool) -> Self:
        if kind not in (RECURSIVE_MUTEX, SEMAPHORE):
            raise ValueError("unrecognized kind")
        self: Self = _Native.__new__(cls, SEMAPHORE, value, maxvalue, name, unlink)
        return self._of_kind(kind)

    @classmethod
    def _rebuild(cls, handle: int, kind: int, maxvalue: int, name: str | None, /) -> Self:
        """The semaphore that another process, or this one, has made."""
        self: Self = super()._rebuild(handle, SEMAPHORE, maxvalue, name)
        return self._of_kind(kind)

    def _of_kind(self, kind: int) -> Self:
        self._recursive = kind == RECURSIVE_MUTEX
        self._owner = 0
        self._after_fork()
        return self

    def _after_fork(self) -> None:
        """In a child: nobody here holds it, or waits for it."""
        self._depth = 0
        self._new_turn()

    def _new_turn(self) -> None:
        self._turn = Semaphore(1)
        self._process = os.getpid()

    @property
    def kind(self) -> int:
        return RECURSIVE_MUTEX if self._recursive else SEMAPHORE

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take it, waiting for it if need be.

        Args:
          block: whether to wait.
          timeout: seconds to wait at most; None for ever, and a negative one is 0.

        Returns:
          Whether the caller has it now.

        Raises:
          Cancelled: the task was cancelled while it waited, and has not got it.

        Parks: while it is 0. Woken by: a thread that got it, or the timeout. Threads: any.
        """
        me = get_ident()
        if not (self._recursive and self._is_mine()):
            take_breath()
            if not (_take(self, False) or (block and self._wait(timeout))):
                return False
        self._depth += 1
        self._owner = me
        return True

    def release(self) -> None:
        """Give it back, to whoever comes first in any process.

        Raises:
          AssertionError: it is recursive, and another task's.
          ValueError: it has its highest value already.

        Parks: never. Threads: any.
        """
        if self._recursive and not self._is_mine():
            raise AssertionError("attempt to release recursive lock not owned by thread")
        if not self._recursive or self._depth == 1:
            super().release()
        self._depth -= 1

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        value: BaseException | None = None,
        traceback: TracebackType | None = None,
        /,
    ) -> None:
        self.release()

    def _count(self) -> int:
        """How often it is held in this process."""
        return self._depth

    def _is_mine(self) -> bool:
        """Whether the caller has taken it, and nobody since."""
        return self._depth > 0 and self._owner == get_ident()

    def _wait(self, timeout: float | None) -> bool:
        """Whether it was got by the end of ``timeout``. One task at a time has a thread wait."""
        if timeout is not None and timeout <= 0:
            return False
        if self._process != os.getpid():
            self._new_turn()  # forked: who had it has stayed with the parent
        turn, start = self._turn, now()
        if not turn.acquire(timeout):
            return False
        try:
            return _Wait(self, inf if timeout is None else timeout - (now() - start)).result()
        finally:
            turn.release()


class _Wait:
    """A semaphore being waited for in a thread."""

    def __init__(self, semaphore: SemLock, seconds: float) -> None:
        self.semaphore = semaphore
        self.seconds = seconds
        # Taken out by the thread when it has the semaphore, or by the task when it leaves:
        # whoever comes second sees who was first.
        self.wanted = [semaphore]

    def result(self) -> bool:
        """Park until the thread has the semaphore, or the time is up."""
        got = False
        try:
            got = call_in_thread(self.run, (), None)
        finally:
            # Before the call was heard of, the thread may have got it all the same.
            if not got and not self.leave():
                _Native.release(self.semaphore)
        return got

    def leave(self) -> bool:
        """Whether nobody had taken ``wanted`` yet."""
        try:
            self.wanted.pop()
        except IndexError:
            return False
        return True

    def run(self) -> bool:
        """In the thread."""
        deadline = now() + self.seconds
        while self.wanted:
            left = deadline - now()
            if _take(self.semaphore, True, min(left, PATIENCE)):
                if self.leave():
                    return True
                _Native.release(self.semaphore)
            elif left <= 0:
                break
        return False
