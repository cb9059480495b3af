"""Listener: a listening socket and, for a Unix one, the file that stands for it.

Owns: the socket and the file. Must not know: who accepts from it.
"""

import errno
import os
import stat
from typing import Any, cast

from weft.socket import AF_UNIX, AI_PASSIVE, SOCK_STREAM, create_server, getaddrinfo, socket

# A TCP address is (host, port); a Unix one is a path, or a name that begins with a null byte.
Address = tuple[Any, ...] | str | bytes | os.PathLike[str]


class Listener:
    """A socket that listens at ``address``.

    Args:
      address: ``(host, port)``, where port 0 takes a free one and host ``""``
        is every IPv4 interface, or the path of a Unix socket. A socket file
        that nobody listens on any more is replaced.
      backlog: connections that may wait to be accepted.
      reuse_port: let other processes listen at the same TCP address too.

    Raises:
      OSError: EADDRINUSE, EACCES and the like, as ``bind`` says it.
      OverflowError: the port is out of range.
      TypeError: ``address`` is neither.
      ValueError: it is a string that means host and port.

    Parks: while a host name is looked up.
    """

    def __init__(self, address: Address, *, backlog: int, reuse_port: bool = False) -> None:
        self._file: tuple[int, int] | None = None
        if isinstance(address, tuple):
            self.sock = _bind_tcp(address, backlog, reuse_port)
        elif isinstance(address, (str, bytes, os.PathLike)):
            path = os.fspath(address)
            _refuse_host_and_port(path)
            self.sock = _bind_unix(path, backlog)
            if path[:1] not in ("\0", b"\0"):
                self._file = _identity(path)
        else:
            raise TypeError(f"a server's address is (host, port) or a path, not {address!r}")
        self.address = self.sock.getsockname()

    def close(self) -> None:
        """Stop listening, and remove the Unix socket's file unless another took its place."""
        if self.sock.fileno() < 0:
            return
        self.sock.close()
        if self._file is not None and _identity(self.address) == self._file:
            os.unlink(self.address)


def _refuse_host_and_port(path: str | bytes) -> None:
    """Raise ValueError for ``"host:port"``, of which nobody means a Unix socket of that name."""
    text = os.fsdecode(path)
    host, colon, port = text.rpartition(":")
    if colon and port.isdecimal() and "/" not in text and not text.startswith("\0"):
        raise ValueError(f"a TCP address is a tuple: ({host!r}, {port}), not {path!r}")


def _bind_tcp(address: tuple[Any, ...], backlog: int, reuse_port: bool) -> socket:
    if len(address) < 2 or not isinstance(address[1], int):
        raise TypeError(f"a TCP address is (host, port) with a number as port, not {address!r}")
    host, port = address[:2]
    if not 0 <= port <= 65535:
        raise OverflowError(f"a port is 0-65535, not {port!r}")
    found = getaddrinfo(host or None, 0, type=SOCK_STREAM, flags=AI_PASSIVE)
    family, (host, _, *scope) = found[0][0], found[0][4]
    where = (host, port, *scope)
    sock = create_server(where, family=family, backlog=backlog, reuse_port=reuse_port)
    return cast(socket, sock)


def _bind_unix(path: str | bytes, backlog: int) -> socket:
    sock = socket(AF_UNIX, SOCK_STREAM)
    try:
        try:
            sock.bind(path)
        except OSError as exc:
            if exc.errno != errno.EADDRINUSE or not _is_stale(path):
                raise
            os.unlink(path)
            sock.bind(path)
        sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def _is_stale(path: str | bytes) -> bool:
    """Whether ``path`` is a socket file that no process listens on."""
    if not stat.S_ISSOCK(os.stat(path).st_mode):
        return False
    with socket(AF_UNIX, SOCK_STREAM) as probe:
        probe.settimeout(0)
        # A live listener takes us, or answers EAGAIN while its backlog is full.
        return probe.connect_ex(path) == errno.ECONNREFUSED


def _identity(path: str | bytes) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
