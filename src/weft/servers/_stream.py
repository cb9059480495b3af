"""StreamServer: accepts connections, TCP or Unix, and runs a handler for each in a task.

Owns: the tasks of the connections, and their sockets. Must not know: what handlers do.
"""

import logging
import os
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from weft._core._api import current, now, spawn_in
from weft._errors import Cancelled
from weft.servers._accept import Acceptor
from weft.servers._listen import Address, Listener
from weft.socket import IPPROTO_TCP, TCP_NODELAY, socket

if TYPE_CHECKING:
    from ssl import SSLContext

    from weft._core._task import Task
    from weft.ssl import SSLSocket

Handler = Callable[[Any, Any], object]

BACKLOG = 1024
HANDSHAKE_SECONDS = 30.0

_log = logging.getLogger("weft.servers")


class ServerStatistics(NamedTuple):
    """What :meth:`StreamServer.statistics` tells."""

    connections: int
    """Connections being served now."""
    accepted: int
    """Connections accepted since the server was made."""


class StreamServer:
    """Serves a TCP or Unix address; each connection's handler runs in a task of its own.

    ``handler(sock, address)`` is ordinary blocking code. The socket is closed
    when it returns or raises; what it raises is logged with the peer's address
    and ends only its own connection. TCP sockets come with TCP_NODELAY set, as
    a handler that answers with several small sends would else wait for the
    peer's delayed acknowledgements.

    Args:
      handler: called with the connected socket and the peer's address.
      address: ``(host, port)``, where port 0 takes a free one and host ``""``
        is every IPv4 interface, or the path of a Unix socket.
      limit: at most so many connections at once; more wait in the backlog.
        None: as many as come.
      backlog: connections the kernel holds until they are accepted.
      ssl: an ``ssl.SSLContext`` to serve TLS with; the handshake is made in the
        connection's task.
      handshake_seconds: a client that takes longer for it is dropped.
      reuse_port: let other processes listen at the same TCP address too.

    Raises:
      TypeError: ``handler`` cannot be called.
      ValueError: ``limit`` is below 1.

    Threads: the tasks run on the hub of the thread that calls :meth:`start`;
    :meth:`stop` and :meth:`statistics` may be called from any.

    Example:
      >>> from weft.servers import StreamServer
      >>> def shout(sock, address):
      ...     sock.sendall(sock.recv(100).upper())
      >>> server = StreamServer(shout, ("127.0.0.1", 0))
      >>> server.start()
      >>> host, port = server.address
      >>> server.stop(drain=5)
    """

    def __init__(
        self,
        handler: Handler,
        address: Address,
        *,
        limit: int | None = None,
        backlog: int = BACKLOG,
        ssl: "SSLContext | None" = None,
        handshake_seconds: float = HANDSHAKE_SECONDS,
        reuse_port: bool = False,
    ) -> None:
        if not callable(handler):
            raise TypeError(f"a server needs a handler to call, got {handler!r}")
        if limit is not None and limit < 1:
            raise ValueError(f"limit must be at least 1, or None for no limit, not {limit!r}")
        self._limit = limit
        self._handler = handler
        self._handler_name = getattr(handler, "__qualname__", type(handler).__qualname__)
        self._address = address
        self._backlog = backlog
        self._reuse_port = reuse_port
        self._ssl = ssl
        self._handshake_seconds = handshake_seconds
        self._listener: Listener | None = None
        self._acceptor: Acceptor | None = None
        self._accepting: Task | None = None
        # The socket as accepted: a task that is cancelled before it began closes nothing.
        self._connections: dict[Task, socket] = {}
        self._accepted = 0

    def __repr__(self) -> str:
        return f"<StreamServer {self._name()}, {len(self._connections)} connections>"

    @property
    def address(self) -> Any:
        """Where it listens, as ``getsockname`` tells: with the real port once it is started."""
        return self._address if self._listener is None else self._listener.address

    def statistics(self) -> ServerStatistics:
        """Counts of connections: being served now, and accepted in all."""
        return ServerStatistics(len(self._connections), self._accepted)

    # -- starting and stopping ---------------------------------------------------------

    def start(self) -> None:
        """Listen, and accept in a task of its own; when this returns, clients can connect.

        Raises:
          OSError: the address cannot be bound.
          RuntimeError: it is serving already.

        Parks: while a host name is looked up.
        """
        if self._is_accepting():
            raise RuntimeError(f"{self!r} is serving already")
        self._listener = Listener(self._address, backlog=self._backlog, reuse_port=self._reuse_port)
        name = self._name()
        self._acceptor = Acceptor(self._listener.sock, self._admit, self._has_room, name)
        self._accepting = spawn_in(self._acceptor.run, name=f"accept {name}")

    def serve_forever(self) -> None:
        """Serve until another task calls :meth:`stop`, and return when that is complete.

        Starts the server if need be. An exception raised here, ``Cancelled``
        or KeyboardInterrupt, stops the server at once and goes on.

        Raises:
          OSError: the address cannot be bound.
          Cancelled: the calling task was cancelled.

        Parks: always.
        """
        if not self._is_accepting():
            self.start()
        try:
            self._join_acceptor()
            self._join_connections(inf)
        except BaseException:
            self.stop()
            raise

    def stop(self, drain: float | None = 0.0) -> None:
        """Stop accepting, let connections finish, and cancel those that do not.

        A handler that calls this ends its own connection by returning.

        Args:
          drain: seconds to let handlers finish by themselves; None waits for
            them for ever. What is left then is cancelled and waited for.

        Raises:
          Cancelled: the calling task was cancelled; the server accepts no
            more, handlers may be running.

        Parks: until every handler has ended. Threads: any.
        """
        if self._listener is None or self._accepting is None:
            return
        self._accepting.cancel()
        self._listener.close()
        self._accepting.join()
        self._join_connections(inf if drain is None else now() + drain)
        left = self._others()
        for task, _ in left:
            task.cancel("the server stops")
        for task, sock in left:
            task.join()
            sock.close()
            self._connections.pop(task, None)

    def _is_accepting(self) -> bool:
        return self._accepting is not None and not self._accepting.done

    def _join_acceptor(self) -> None:
        assert self._accepting is not None
        self._accepting.join()
        failure = self._accepting.exception
        if failure is not None and not isinstance(failure, Cancelled):
            raise failure

    def _join_connections(self, deadline: float) -> None:
        for task, _ in self._others():
            task.join(None if deadline == inf else max(deadline - now(), 0))

    def _others(self) -> "list[tuple[Task, socket]]":
        """The connections, without that of the calling handler."""
        me = current()
        return [(task, sock) for task, sock in list(self._connections.items()) if task is not me]

    # -- connections -----------------------------------------------------------------------

    def _has_room(self) -> bool:
        return self._limit is None or len(self._connections) < self._limit

    def _admit(self, fd: int, address: Any) -> None:
        """The acceptor has a new connection."""
        assert self._listener is not None
        listener = self._listener.sock
        sock = socket(listener.family, listener.type, listener.proto, fileno=fd)
        self._accepted += 1
        name = f"{self._handler_name} {self._peer(address)}"
        task = spawn_in(self._connection, (sock, address), name=name)
        self._connections[task] = sock

    def _connection(self, sock: socket, address: Any) -> None:
        """Body of a connection's task, which is named after the peer."""
        assert self._acceptor is not None
        try:
            if self._ssl is None:
                self._handle(sock, address)
            else:
                self._handle_tls(sock, address, self._ssl)
        except Exception:
            _log.exception("%s failed", current().name)
        finally:
            _close(sock)
            self._connections.pop(current(), None)
            self._acceptor.connection_ended()

    def _handle(self, sock: socket, address: Any) -> None:
        if isinstance(address, tuple):
            sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        self._handler(sock, address)

    def _handle_tls(self, sock: socket, address: Any, context: "SSLContext") -> None:
        from weft.ssl import wrap_green

        sock.settimeout(self._handshake_seconds)
        tls = wrap_green(context, sock, server_side=True, do_handshake_on_connect=False)
        try:
            if _shake_hands(tls):
                tls.settimeout(None)
                self._handle(tls, address)
                _say_goodbye(tls)
        finally:
            _close(tls)

    # -- names -----------------------------------------------------------------------------------

    def _name(self) -> str:
        address = self.address
        place = _dotted(address) if isinstance(address, tuple) else os.fsdecode(address)
        return f"{self._handler_name} on {place}"

    def _peer(self, address: Any) -> str:
        """``host:port``; a Unix peer has no address, so it gets a number."""
        return _dotted(address) if isinstance(address, tuple) else f"#{self._accepted}"


def _dotted(address: tuple[Any, ...]) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


def _close(sock: socket) -> None:
    sock.close()
    if sock.fileno() >= 0:
        # A file from makefile() that nobody closed keeps it open; reading there gives EBADF now.
        sock._real_close()


def _shake_hands(tls: "SSLSocket") -> bool:
    try:
        tls.do_handshake()
    except OSError as exc:
        # Scanners and impatient clients do this all day: one line, no traceback.
        _log.info("%s: the TLS handshake failed: %s", current().name, exc)
        return False
    return True


def _say_goodbye(tls: "SSLSocket") -> None:
    """Send TLS's close_notify if it goes out at once, so that the peer can tell an end from a cut.

    The peer's own is not waited for; and the peer may have gone, or the handler closed the socket.
    """
    try:
        tls.settimeout(0)
        tls.unwrap()
    except (OSError, ValueError):
        return


def serve_tcp(
    handler: Handler,
    address: Address,
    *,
    limit: int | None = None,
    backlog: int = BACKLOG,
    ssl: "SSLContext | None" = None,
    handshake_seconds: float = HANDSHAKE_SECONDS,
    reuse_port: bool = False,
) -> None:
    """Serve ``address`` until stopped, each connection's ``handler(sock, address)`` in a task.

    The socket is closed when the handler returns. The arguments are those of
    :class:`StreamServer`, which can also be stopped gracefully.

    Raises:
      OSError: the address cannot be bound.
      KeyboardInterrupt, Cancelled: what stopped it; it accepts no more, and
        the connections are cancelled and closed.

    Parks: always.

    Example:
      >>> import weft
      >>> def echo(sock, address):
      ...     while data := sock.recv(65536):
      ...         sock.sendall(data)
      >>> serving = weft.spawn(weft.serve_tcp, echo, ("127.0.0.1", 0), limit=1000)
      >>> serving.cancel()
      True
    """
    server = StreamServer(
        handler,
        address,
        limit=limit,
        backlog=backlog,
        ssl=ssl,
        handshake_seconds=handshake_seconds,
        reuse_port=reuse_port,
    )
    server.serve_forever()
