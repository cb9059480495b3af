"""Acceptor: takes connections from a listening socket, and endures what accept(2) fails with.

Owns: nothing but the loop; the listener belongs to the server. Must not know: what becomes of a
connection. It parks for the next one, for room, and for resources; a connection's end wakes it from
the last two.
"""

import errno
import logging
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any

from weft._core._api import current, now, park, spend, unpark
from weft.socket import socket

if TYPE_CHECKING:
    from weft._core._task import Task

_log = logging.getLogger("weft.servers")

# accept(2) fails with these until something is given back, by us or by others.
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
# Seconds between two tries then, unless a connection of ours ends before.
BACK_OFF = 0.1
# Linux passes on through accept(2) what happened to the new connection meanwhile: its man page
# says to take these for "try again". EPERM is a firewall's refusal.
_CONNECTION_LOST = frozenset(
    getattr(errno, name)
    for name in (
        "ECONNABORTED", "EPERM", "EPROTO", "ENETDOWN", "ENOPROTOOPT", "EHOSTDOWN", "ENONET",
        "EHOSTUNREACH", "EOPNOTSUPP", "ENETUNREACH",
    )
    if hasattr(errno, name)
)  # fmt: skip


class Acceptor:
    """Accepts from ``listener`` until it is closed.

    Args:
      listener: a listening socket.
      admit: called with each new connection's descriptor and address; must not park.
      has_room: whether to accept another one now.
      name: what to call the server in the log.
    """

    def __init__(
        self,
        listener: socket,
        admit: Callable[[int, Any], object],
        has_room: Callable[[], bool],
        name: str,
    ) -> None:
        self._listener = listener
        self._admit = admit
        self._has_room = has_room
        self._name = name
        self._waiting: Task | None = None  # the task of run(), while only an end helps it
        self._exhausted = False  # since the backlog was last empty

    def __repr__(self) -> str:
        return self._name

    def run(self) -> None:
        """Body of the acceptor's task; returns when another task has closed the listener.

        Raises:
          OSError: what accept failed with, if waiting does not help.
          Cancelled: the task was cancelled.
        """
        try:
            while True:
                while not self._has_room():
                    self._wait_for_an_end("limit")
                self._accept()
        except OSError as exc:
            if self._listener.fileno() < 0:
                return
            _log.error("%s accepts no more connections: %s", self._name, exc)
            raise

    def connection_ended(self) -> None:
        """There may be room, or resources, for another one. Parks: never."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            unpark(waiting)

    def _accept(self) -> None:
        """Take one connection out of the backlog, or park until there may be one.

        ``spend`` hands over to the handlers every so many connections, however
        long the backlog is.
        """
        spend()
        try:
            fd, address = self._listener._accept()  # type: ignore[attr-defined]
        except BlockingIOError:
            trouble = None
        except OSError as exc:
            trouble = exc
        else:
            self._admit(fd, address)
            return
        if trouble is None:
            self._exhausted = False
            self._listener._state.wait_read()
        elif trouble.errno in _EXHAUSTED:
            self._back_off(trouble)
        elif trouble.errno not in _CONNECTION_LOST:
            raise trouble

    def _back_off(self, trouble: OSError) -> None:
        if not self._exhausted:
            self._exhausted = True
            _log.error("%s cannot accept, and tries every %s s: %s", self._name, BACK_OFF, trouble)
        try:
            self._wait_for_an_end("resources", now() + BACK_OFF)
        except TimeoutError:
            return

    def _wait_for_an_end(self, kind: str, deadline: float = inf) -> None:
        self._waiting = current()
        try:
            park(kind, self, deadline)
        finally:
            self._waiting = None
