"""The stdlib's ``select`` for tasks: the same names, signatures and errors.

Owns: how a level-triggered question becomes a park. Must not know: patching.

The original, asked with a timeout of zero, says what is ready and what is wrong with the
arguments. Only when it finds nothing does the calling task park; then it is asked again.
``select``, ``poll.poll`` and ``epoll.poll`` park; the poller, a deadline or a close wakes them.
``kqueue`` and ``devpoll`` are the stdlib's own and block their thread.
"""

from __future__ import annotations

import errno
import os
import select as _stdlib
from abc import ABCMeta
from collections.abc import Callable, Iterable
from functools import partial
from math import inf
from operator import index
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from weft._core._api import now, spend
from weft._core._fds import closing, wait_fds, wait_readable
from weft._counterpart import builtin, take_over

T = TypeVar("T")

# Bound here: whatever is patched later, these are the originals.
_select, _poll = _stdlib.select, _stdlib.poll
_epoll: Any = getattr(_stdlib, "epoll", None)

# What the hub's own poller can tell apart. Other wishes it would answer too often (urgent data
# only, while there is other data) or not at all (only the end of the stream).
_IN, _OUT, _PRI = _stdlib.POLLIN, _stdlib.POLLOUT, _stdlib.POLLPRI
_ENDS = _stdlib.POLLERR | _stdlib.POLLHUP | _stdlib.POLLNVAL


class HasFileno(Protocol):
    def fileno(self) -> int: ...


@builtin
def select(
    rlist: Iterable[Any],
    wlist: Iterable[Any],
    xlist: Iterable[Any],
    timeout: float | None = None,
    /,
) -> tuple[list[Any], list[Any], list[Any]]:
    """Wait until one of the descriptors is ready; as :func:`select.select`.

    Args:
      rlist, wlist, xlist: descriptors, or objects with ``fileno()``, to wait on until they can be
        read, can be written, have urgent data.
      timeout: seconds; None waits for ever, 0 only looks.

    Returns:
      The ready ones of each list.

    Raises:
      ValueError, TypeError, OverflowError, OSError: as the stdlib's.
      Cancelled: the task was cancelled.

    Parks: unless one is ready at once. Woken by: the poller or the deadline. Threads: any.

    Example:
      >>> from weft import select, socket
      >>> a, b = socket.socketpair()
      >>> a.send(b"x")
      1
      >>> select.select([b], [], [], 1)[0] == [b]
      True
    """
    deadline = inf if timeout is None else _select_deadline(timeout)
    asked = [_sequence(fds) for fds in (rlist, wlist, xlist)]
    spend()
    found = _select(asked[0], asked[1], asked[2], 0)
    if timeout == 0 or any(found):
        return found
    numbers = [[(_fileno(each), each) for each in fds] for fds in asked]
    wanted: dict[int, int] = {}
    for pairs, events in zip(numbers, (_IN, _OUT, _PRI), strict=True):
        for fd, _ in pairs:
            wanted[fd] = wanted.get(fd, 0) | events
    readers, writers, urgent = ([fd for fd, _ in pairs] for pairs in numbers)

    def look() -> list[list[Any]]:
        ready = map(set, _select(readers, writers, urgent, 0))
        chosen = zip(numbers, ready, strict=True)
        result = [[each for fd, each in pairs if fd in these] for pairs, these in chosen]
        return result if any(result) else []

    found_r, found_w, found_x = _until(look, wanted, deadline) or ([], [], [])
    return found_r, found_w, found_x


class Poll:
    """A polling object; made by :func:`poll`.

    One task at a time may wait in it; registering meanwhile counts from the next wait on.
    """

    __slots__ = ("__weakref__", "_masks", "_poll", "_polling")

    _poll: _stdlib.poll
    _masks: dict[int, int]
    _polling: bool

    def __new__(cls) -> Poll:
        raise TypeError("cannot create 'weft.select.Poll' instances")

    def register(self, fd: int | HasFileno, eventmask: int = _IN | _PRI | _OUT, /) -> None:
        """Watch ``fd`` for ``eventmask``."""
        self._poll.register(fd, eventmask)
        self._masks[_fileno(fd)] = eventmask

    def modify(self, fd: int | HasFileno, eventmask: int, /) -> None:
        """Watch a registered ``fd`` for ``eventmask`` from now on."""
        self._poll.modify(fd, eventmask)
        self._masks[_fileno(fd)] = eventmask

    def unregister(self, fd: int | HasFileno, /) -> None:
        """Stop watching ``fd``."""
        self._poll.unregister(fd)
        self._masks.pop(_fileno(fd), None)

    def poll(self, timeout: float | None = None, /) -> list[tuple[int, int]]:
        """Wait until a registered descriptor is ready.

        Args:
          timeout: milliseconds; None or negative waits for ever, 0 only looks.

        Returns:
          Pairs of descriptor and event bits.

        Raises:
          RuntimeError: another task waits in it.
          TypeError, OverflowError: as the stdlib's.
          Cancelled: the task was cancelled.

        Parks: unless something is ready at once. Threads: any.
        """
        if self._polling:
            raise RuntimeError("concurrent poll() invocation")
        deadline = inf if timeout is None else _poll_deadline(timeout)
        self._polling = True
        try:
            spend()
            found = self._poll.poll(0)
            if found or timeout == 0:
                return found
            return _until(lambda: self._poll.poll(0), self._masks, deadline)
        finally:
            self._polling = False


@builtin
def poll() -> Poll:
    """A polling object with nothing registered; as :func:`select.poll`."""
    made = object.__new__(Poll)
    made._poll, made._masks, made._polling = _poll(), {}, False
    return made


if _epoll is not None:

    class epoll(metaclass=ABCMeta):  # noqa: N801 - the stdlib's name
        """An epoll object, as :class:`select.epoll`: the kernel's own, waited on cooperatively."""

        __slots__ = ("__weakref__", "_epoll")

        _epoll: _stdlib.epoll

        def __init__(self, sizehint: int = -1, flags: int = 0) -> None:
            self._epoll = _epoll(sizehint, flags)

        @classmethod
        def fromfd(cls, fd: int, /) -> epoll:
            """The epoll object of an existing descriptor."""
            self = cls.__new__(cls)
            self._epoll = _epoll.fromfd(fd)
            return self

        @property
        def closed(self) -> bool:
            """Whether it is closed."""
            return self._epoll.closed

        def close(self) -> None:
            """Close it; who waits in it gets ValueError."""
            if not self._epoll.closed:
                closing(self._epoll.fileno())
            self._epoll.close()

        def fileno(self) -> int:
            """Its descriptor."""
            return self._epoll.fileno()

        def register(
            self, fd: int | HasFileno, eventmask: int = _stdlib.EPOLLIN | _OUT | _PRI
        ) -> None:
            """Watch ``fd`` for ``eventmask``."""
            self._epoll.register(fd, eventmask)

        def modify(self, fd: int | HasFileno, eventmask: int) -> None:
            """Watch a registered ``fd`` for ``eventmask`` from now on."""
            self._epoll.modify(fd, eventmask)

        def unregister(self, fd: int | HasFileno) -> None:
            """Stop watching ``fd``."""
            self._epoll.unregister(fd)

        def poll(self, timeout: float | None = None, maxevents: int = -1) -> list[tuple[int, int]]:
            """Wait until a registered descriptor is ready.

            Args:
              timeout: seconds; None or negative waits for ever, 0 only looks.
              maxevents: how many events to return at most; -1 for all.

            Returns:
              Pairs of descriptor and event bits.

            Raises:
              ValueError: it is closed, or ``maxevents`` is not positive.
              TypeError, OverflowError: as the stdlib's.
              Cancelled: the task was cancelled.

            Parks: unless something is ready at once. Threads: any.
            """
            deadline = inf if timeout is None else _epoll_deadline(timeout)
            spend()
            found = self._epoll.poll(0, maxevents)
            while not found and timeout != 0:
                in_time = _parked(lambda: wait_readable(self._epoll.fileno(), deadline=deadline))
                found = self._epoll.poll(0, maxevents)
                if not in_time:
                    break
            return found

        def __enter__(self) -> epoll:
            self._epoll.__enter__()
            return self

        def __exit__(
            self,
            kind: type[BaseException] | None = None,
            value: BaseException | None = None,
            traceback: TracebackType | None = None,
            /,
        ) -> None:
            self.close()

    # Objects made before a patch are still instances of what select.epoll names.
    ABCMeta.register(epoll, _epoll)


# -- parking ------------------------------------------------------------------------------------


def _until(look: Callable[[], list[T]], wanted: dict[int, int], deadline: float) -> list[T]:
    """What ``look`` finds, parked until it does; nothing once ``deadline`` has passed."""
    exactly = not all(map(_is_plain, wanted.values()))
    while True:
        in_time = _parked(partial(_wait, dict(wanted), exactly, deadline))
        found = look()
        if found or not in_time:
            return found
        # Woken for nothing; if by what nobody asked for, that would go on and on.
        exactly = True


def _is_plain(events: int) -> bool:
    """Whether the hub's poller can wait for these events and no others."""
    known = events & ~_ENDS
    return known in (_IN, _OUT, _IN | _OUT, _IN | _PRI, _IN | _OUT | _PRI)


def _parked(wait: Callable[[], object]) -> bool:
    """Wait; whether there is something to look at, rather than the end of the time.

    A closed descriptor is something to look at: the original knows what to say of it.
    """
    try:
        wait()
    except TimeoutError:
        return False
    except OSError as error:
        if error.errno != errno.EBADF:
            raise
    return True


def _wait(wanted: dict[int, int], exactly: bool, deadline: float) -> None:
    """Park until one of ``wanted`` may be ready.

    Args:
      wanted: event bits by descriptor.
      exactly: whether to use a kernel epoll of its own, which knows every bit.
      deadline: absolute seconds.

    Raises:
      TimeoutError: the deadline passed.
      OSError: EBADF, one is closed.
    """
    if not exactly or _epoll is None:
        if not wait_fds(list(wanted.items()), deadline):
            raise TimeoutError
        return
    with _epoll() as nested:
        for fd, events in wanted.items():
            try:
                nested.register(fd, events)
            except PermissionError:
                pass  # a regular file, and what it always has was found by the look before
        wait_readable(nested.fileno(), deadline=deadline)


# -- arguments ------------------------------------------------------------------------------------


def _sequence(fds: Any) -> Any:
    """``fds``, as something that can be gone through twice."""
    if isinstance(fds, (list, tuple)) or not hasattr(fds, "__iter__"):
        return fds
    return list(fds)


def _fileno(fd: Any) -> int:
    """The number of a descriptor that the original has accepted."""
    return fd if isinstance(fd, int) else fd.fileno()


def _select_deadline(timeout: float) -> float:
    if type(timeout) in (int, float) and 0 <= timeout < 1e9:
        return now() + timeout
    return now() + _checked(timeout, lambda fd: _select([], [fd], [], timeout))


def _poll_deadline(milliseconds: float) -> float:
    if type(milliseconds) in (int, float) and -1e9 < milliseconds < 1e9:
        return inf if milliseconds < 0 else now() + milliseconds / 1000

    def ask(fd: int) -> None:
        ready = _poll()
        ready.register(fd)
        ready.poll(milliseconds)

    checked = _checked(milliseconds, ask)
    return inf if checked < 0 else now() + checked / 1000


def _epoll_deadline(timeout: float) -> float:
    if type(timeout) in (int, float) and -1e6 < timeout < 1e6:
        return inf if timeout < 0 else now() + timeout

    def ask(fd: int) -> None:
        assert _epoll is not None
        with _epoll() as ready:
            ready.register(fd)
            ready.poll(timeout)

    checked = _checked(timeout, ask)
    return inf if checked < 0 else now() + checked


def _checked(timeout: Any, ask: Callable[[int], object]) -> float:
    """An unusual timeout as a number, or the error the original has for it.

    The original checks it before it waits, and does not wait for a pipe with room in it.
    """
    reader, writer = os.pipe()
    try:
        ask(writer)
    finally:
        os.close(reader)
        os.close(writer)
    return timeout if isinstance(timeout, float) else index(timeout)


take_over(_stdlib, globals())

if TYPE_CHECKING:
    # What is not defined above.
    from select import *  # type: ignore[assignment]  # noqa: F403
