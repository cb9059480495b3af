"""The stdlib's ``ssl`` for tasks: the same names, signatures and errors.

Owns: SSLSocket, where TLS meets weft's socket. Must not know: patching.

The native TLS object works on weft's non-blocking descriptor and says SSLWantReadError or
SSLWantWriteError where the kernel has nothing for it. Every call that may say so parks here until
the descriptor is ready, and is made again. Everything else is the stdlib's: memory BIOs, contexts,
certificates.

SSLContext is the stdlib's but for the sockets it makes. A context of the stdlib's own wraps in
green sockets once ``weft.patch`` has set its ``sslsocket_class``, or by :func:`wrap_green`.
"""

from __future__ import annotations

import _socket
import ssl as _stdlib
from collections.abc import Callable
from ssl import SSL_ERROR_WANT_WRITE, SSLWantReadError, SSLWantWriteError
from typing import TYPE_CHECKING, Any, TypeVar

from weft._core._api import now, spend
from weft._core._lock import TIMEOUT_MAX, allocate_lock
from weft._counterpart import take_over
from weft.socket import create_connection as create_connection
from weft.socket import socket

T = TypeVar("T")


class _Constructible:
    """Makes ``super(SSLSocket, self).__init__(...)`` in the stdlib's ``_create`` find the socket's.

    ``SSLSocket`` is a global there: the stdlib's class, or weft's once patched. The stdlib's own
    ``__init__`` refuses every call.
    """

    def __init__(self, **keywords: Any) -> None:
        socket.__init__(self, **keywords)  # type: ignore[arg-type]


class SSLSocket(_Constructible, _stdlib.SSLSocket, socket):  # type: ignore[misc]
    """The stdlib's SSLSocket on weft's socket: ``super()`` in its methods finds that one's.

    One task may read while another writes. Writes of several tasks are sent one after another.
    """

    __init__ = _stdlib.SSLSocket.__init__
    _sslobj: Any
    _check_connected: Callable[[], None]
    # A write that is half done must be repeated before any other. OpenSSL would count the bytes
    # of another one for its rest, or fail with BAD_LENGTH and end the connection.
    _write_lock: Any

    def __new__(cls, *args: Any, **keywords: Any) -> SSLSocket:
        self = super().__new__(cls, *args, **keywords)
        self._write_lock = allocate_lock()
        return self

    def settimeout(self, value: float | None, /) -> None:
        """As the stdlib's."""
        # The stdlib's _create() detaches the descriptor from the plain socket, which makes it a
        # blocking one, and then calls this.
        _socket.socket.setblocking(self, False)
        super().settimeout(value)

    def read(self, len: int = 1024, buffer: Any = None) -> Any:  # noqa: A002
        """As the stdlib's. Parks: until the peer's next record is there, or the timeout."""
        return self._until_done("read", super().read, len, buffer)

    def write(self, data: Any) -> int:
        """As the stdlib's. Parks: until the kernel has taken all of it, or the timeout.

        As there, a write that timed out may have sent a part, and nothing but closing
        makes sense then; the same goes for one that was cancelled.
        """
        give_up = None
        if not self._write_lock.acquire(blocking=False):
            give_up = self._await_turn()
        try:
            return self._until_done("write", super().write, data, give_up=give_up)
        finally:
            self._write_lock.release()

    def _await_turn(self) -> float:
        """Take the lock after the writes before this one; returns when this one times out."""
        if self._state.timeout == 0:
            raise SSLWantWriteError(SSL_ERROR_WANT_WRITE, "Another task's write is not complete")
        give_up: float = self._state.deadline()
        # With a timeout, however long, the wait can be cancelled.
        if not self._write_lock.acquire(timeout=min(max(give_up - now(), 0), TIMEOUT_MAX)):
            raise _timed_out("write")
        return give_up

    def send(self, data: Any, flags: int = 0) -> int:
        """As the stdlib's; parks as :meth:`write`."""
        if flags or self._sslobj is None:
            return super().send(data, flags)
        return self.write(data)

    def do_handshake(self, block: bool = False) -> None:
        """As the stdlib's. Parks: until the handshake is complete, or the timeout."""
        timeout = self.gettimeout()
        self._check_connected()
        if timeout == 0 and block:
            self.settimeout(None)
        try:
            self._until_done("handshake", self._sslobj.do_handshake)
        finally:
            if timeout == 0 and block:
                self.settimeout(timeout)

    def unwrap(self) -> Any:
        """As the stdlib's. Parks: until the peer has ended TLS too, or the timeout."""
        return self._until_done("shutdown", super().unwrap)

    def _until_done(
        self, what: str, operation: Callable[..., T], *args: Any, give_up: float | None = None
    ) -> T:
        """``operation(*args)``, again after each wait for what it wants; the timeout is for all."""
        state = self._state
        spend()
        while True:
            try:
                return operation(*args)
            except (SSLWantReadError, SSLWantWriteError) as exc:
                if state.timeout == 0:
                    raise
                reads = isinstance(exc, SSLWantReadError)
            if give_up is None:
                give_up = state.deadline()
            try:
                (state.wait_read_until if reads else state.wait_write_until)(give_up)
            except TimeoutError:
                raise _timed_out(what) from None


def _timed_out(what: str) -> TimeoutError:
    return TimeoutError(f"The {what} operation timed out")


class SSLContext(_stdlib.SSLContext):
    """The stdlib's SSLContext; ``wrap_socket`` makes weft's SSLSocket."""

    sslsocket_class = SSLSocket


_green_classes: dict[type, type[SSLSocket]] = {_stdlib.SSLSocket: SSLSocket}


def green_class(cls: Any) -> Any:
    """``cls`` itself if it is green, else the class that is ``cls`` on weft's socket.

    For classes that programs derived from the stdlib's SSLSocket.
    """
    if issubclass(cls, SSLSocket):
        return cls
    if cls not in _green_classes:
        names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
        _green_classes[cls] = type(cls.__name__, (cls, SSLSocket), names)
    return _green_classes[cls]


def wrap_green(context: _stdlib.SSLContext, sock: Any, **options: Any) -> SSLSocket:
    """``context.wrap_socket(sock, **options)``, green whoever made the context.

    Raises, parks: as ``wrap_socket``, in the handshake.

    Example:
      >>> import ssl, weft.socket, weft.ssl
      >>> context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
      >>> sock = weft.ssl.wrap_green(context, weft.socket.socket(), server_side=True)
      >>> isinstance(sock, weft.ssl.SSLSocket)
      True
      >>> sock.close()
    """
    cls: Any = green_class(context.sslsocket_class)
    made: SSLSocket = cls._create(sock=sock, context=context, **options)
    return made


# create_default_context, say, then makes the SSLContext above.
take_over(_stdlib, globals())

if TYPE_CHECKING:
    # What is not defined above.
    from ssl import *  # type: ignore[assignment]  # noqa: F403
