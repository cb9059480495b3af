"""mysqlclient: its connections wait for the server without stopping the other tasks.

``MySQLdb`` calls libmariadb or libmysqlclient, which wait in C. Here the long wait, that for the
server to answer a query, is the hub's: the query is sent, the task parks until the connection's
socket is readable, and only then a thread has the library read. So any number of connections wait
at the same time, whatever else the threads do. What may wait besides (to connect, to read rows, to
ping) is a call in a thread, and bounded by :func:`weft.offload`'s 128.

Cancelled in the middle of a call, or interrupted by whatever is not the driver's own error, a
connection is shut down: the library's call ends at once, and every later one with the driver's own
error. So no call still runs when the exception goes on, and nobody is ever given the answer to
somebody else's query.

libmariadb keeps nothing for each thread, and MySQLdb tells it of none.
"""

from __future__ import annotations

import _socket
import posix
import struct
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial, wraps
from math import inf
from types import ModuleType
from typing import Any

import weft
from weft import lowlevel
from weft.patch import _registry

Method = Callable[..., Any]

# Methods that may wait and are called in a thread as they are.
IN_THREAD = (
    "change_user",
    "discard_result",
    "dump_debug_info",
    "kill",
    "next_result",
    "ping",
    "select_db",
    "set_character_set",
    "set_server_option",
    "shutdown",
    "stat",
    "store_result",
)
# Methods with a function of their own in Green.
OWN = ("autocommit", "close", "commit", "query", "read_query_result", "rollback", "use_result")
# So many characters fit into the buffer of a socket that owes nothing: sending them does not wait.
SHORT = 2048
# Within a call of the driver's in a thread: the connection.
calling: ContextVar[Any] = ContextVar("weft.mysqlclient.calling")


def patch(module: ModuleType) -> None:
    """Change ``MySQLdb.connections.Connection`` in place: subclasses and instances follow."""
    kind, green = module.Connection, Green(module._mysql)
    _registry.put(kind, "__init__", connecting(kind.__init__))
    for name in IN_THREAD:
        direct = getattr(kind, name, None)  # older versions have fewer
        if direct:
            _registry.put(kind, name, one_at_a_time(direct, partial(in_thread, direct)))
    for name in OWN:
        direct = getattr(kind, name)
        _registry.put(kind, name, one_at_a_time(direct, getattr(green, name)))


def connecting(init: Method) -> Method:
    """``Connection.__init__``, all of it in a thread."""

    @wraps(init)
    def connect(self: Any, *args: Any, **kwargs: Any) -> None:
        # Cancelled, the task leaves it behind: nobody else has the connection yet.
        weft.offload(call, self, partial(init, self, *args, **kwargs))
        use_of(self).patience = kwargs.get("read_timeout") or use_of(self).patience

    return connect


def one_at_a_time(direct: Method, green: Method) -> Method:
    """``green``, as soon as no other task uses the connection; ``direct`` within a call of it."""

    @wraps(direct)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if calling.get(None) is self:
            return direct(self, *args, **kwargs)
        with use_of(self).lock:
            return green(self, *args, **kwargs)

    return method


class Use:
    """What is known of a connection in use.

    Attributes:
      lock: had by the task whose call is under way; the library can do one at a time.
      patience: seconds for the server to answer in.
      socket: its inode, which no other socket has.
    """

    def __init__(self, connection: Any) -> None:
        self.lock = weft.Lock()
        # libmariadb's own way to keep its read timeout, be it from an option file.
        self.patience = receive_timeout(connection.fileno()) or inf
        self.socket = posix.fstat(connection.fileno()).st_ino


def use_of(connection: Any) -> Use:
    names = vars(connection)
    if "weft_use" not in names:
        names["weft_use"] = Use(connection)
    use: Use = names["weft_use"]
    return use


class Green:
    """The methods of a connection that are more than a call in a thread."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.result = streamed(driver.result)

    def query(self, connection: Any, query: Any) -> None:
        # What is sent while the GIL is released must not change.
        query = bytes(query) if isinstance(query, bytearray) else query
        send = self.driver.connection.send_query
        if len(query) > SHORT:
            in_thread(send, connection, query)
        else:
            send(connection, query)
        self.read_query_result(connection)

    def read_query_result(self, connection: Any) -> None:
        fd = connection.fileno()
        try:
            lowlevel.wait_readable(fd, deadline=lowlevel.now() + use_of(connection).patience)
        except TimeoutError:
            end(fd)  # which the library then reports in its own words
        except BaseException:
            end(fd)
            raise
        in_thread(self.driver.connection.read_query_result, connection)

    # As the library does them: queries without a result.

    def commit(self, connection: Any) -> None:
        self.query(connection, b"COMMIT")

    def rollback(self, connection: Any) -> None:
        self.query(connection, b"ROLLBACK")

    def autocommit(self, connection: Any, on: object) -> None:
        if connection.get_autocommit() != bool(on):
            self.query(connection, b"SET autocommit=%d" % bool(on))

    def use_result(self, connection: Any) -> Any:
        if not connection.field_count():
            return self.driver.connection.use_result(connection)  # None: there is no result
        made = self.result(connection, 1, connection.converter)
        made.connection = connection
        return made

    def close(self, connection: Any) -> None:
        # It says goodbye and waits for no answer; a finalizer, which may not park, can call it.
        self.driver.connection.close(connection)


def streamed(kind: Any) -> Any:
    """``kind`` for results that are read from the server as their rows are fetched."""

    def fetch_row(self: Any, maxrows: int = 1, how: int = 0) -> Any:
        with use_of(self.connection).lock:
            return made_for(self.connection, partial(kind.fetch_row, self, maxrows, how))

    def discard(self: Any) -> None:
        with use_of(self.connection).lock:
            made_for(self.connection, partial(kind.discard, self))

    return type(kind.__name__, (kind,), {"fetch_row": fetch_row, "discard": discard})


def in_thread(method: Method, connection: Any, *args: Any, **kwargs: Any) -> Any:
    return made_for(connection, partial(method, connection, *args, **kwargs))


def made_for(connection: Any, function: Callable[[], Any]) -> Any:
    """Call ``function``, which uses ``connection``, in a thread; never leave before its end."""
    fd = descriptor(connection)
    task = weft.spawn(weft.offload, call, connection, function)
    try:
        return task.result()
    except BaseException as error:
        if not task.done or task.exception is not error:
            # Cut off: even if the call has ended meanwhile, nobody knows what came of it.
            if fd is not None:
                end(fd)
            with weft.shield():
                task.join()
            _ = task.exception  # that the connection has ended is no news
        raise
    finally:
        if fd is not None:
            posix.close(fd)


def descriptor(connection: Any) -> int | None:
    """A descriptor of our own for the socket; None if that is gone, and no call can wait for it.

    The driver says its own only while it does nothing else, may close it, and goes on to say it.
    """
    try:
        fd = posix.dup(connection.fileno())
    except OSError:
        return None
    if posix.fstat(fd).st_ino == use_of(connection).socket:
        return fd
    posix.close(fd)
    return None


def call(connection: Any, function: Callable[[], Any]) -> Any:
    calling.set(connection)
    return function()


def end(fd: int) -> None:
    """End a connection in both directions, so that the library's call returns."""
    socket = _socket.socket(fileno=fd)
    try:
        socket.shutdown(_socket.SHUT_RDWR)
    except OSError:
        return  # the server was faster
    finally:
        socket.detach()


def receive_timeout(fd: int) -> float:
    """Seconds after which reading a socket in C fails; 0 for never."""
    socket = _socket.socket(fileno=fd)
    try:
        found = socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_RCVTIMEO, struct.calcsize("ll"))
    finally:
        socket.detach()
    seconds: int
    microseconds: int
    seconds, microseconds = struct.unpack("ll", found)
    return seconds + microseconds / 1e6
