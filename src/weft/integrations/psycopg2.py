"""psycopg2: libpq's waits park the task.

psycopg2 has a function of the program's called whenever libpq would wait; this one parks. What is
raised in it, as :class:`weft.Cancelled` is, has psycopg2 close the connection: its answer is never
read, by nobody, and a pool replaces it. To roll it back, as every ``with connection`` does on the
way out, is no error then; the server has done it, and the exception that matters goes on.

psycopg2 holds a mutex of the connection meanwhile, and would stop the whole OS thread for another
task that wants it: a connection's methods wait until that task's wait is over.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial, wraps
from importlib import import_module
from math import inf
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from weft import lowlevel
from weft._core._event import Event
from weft.integrations._cut import shielded
from weft.patch import _registry

# Methods of a connection that take its mutex.
EXCLUSIVE = (
    "close",
    "commit",
    "reset",
    "rollback",
    "set_client_encoding",
    "set_isolation_level",
    "set_session",
    "tpc_begin",
    "tpc_commit",
    "tpc_prepare",
    "tpc_recover",
    "tpc_rollback",
)
# The connections that wait now, each with what is set at the end of that.
waiting: WeakKeyDictionary[Any, Event] = WeakKeyDictionary()
# Those that were cut off, and so closed.
cut: WeakSet[Any] = WeakSet()


def patch(module: Any) -> None:
    """Install the function, unless the program has one; then change connections and pools."""
    extensions, pool = module.extensions, import_module("psycopg2.pool")
    if extensions.get_wait_callback() is None:
        extensions.set_wait_callback(partial(wait, module))
        _registry.undo.append(partial(extensions.set_wait_callback, None))
    _registry.put(module, "_connect", connecting(module))
    putconn = shielded(pool.AbstractConnectionPool._putconn)
    _registry.put(pool.AbstractConnectionPool, "_putconn", putconn)
    _registry.put(pool.SimpleConnectionPool, "putconn", putconn)


def wait(module: Any, connection: Any) -> None:
    """Park until libpq has what it waits for."""
    extensions = module.extensions
    deadline = connect_deadline(module, connection)
    over = waiting[connection] = Event()
    try:
        while (state := connection.poll()) != extensions.POLL_OK:
            if state == extensions.POLL_READ:
                lowlevel.wait_readable(connection.fileno(), deadline=deadline)
            else:
                lowlevel.wait_writable(connection.fileno(), deadline=deadline)
    except TimeoutError:
        raise module.OperationalError("connection to server failed: timeout expired") from None
    except Exception:
        raise
    except BaseException:
        cut.add(connection)
        raise
    finally:
        del waiting[connection]
        over.set()


def connect_deadline(module: Any, connection: Any) -> float:
    """When to give up connecting, which libpq leaves to its caller here."""
    if connection.status != module.extensions.STATUS_SETUP:
        return inf
    seconds = int(connection.get_dsn_parameters().get("connect_timeout", 0))
    return lowlevel.now() + seconds if seconds > 0 else inf


def connecting(module: Any) -> Callable[..., Any]:
    """``psycopg2._connect``, whose connections are of a green class."""
    connect = module._connect

    @wraps(connect)
    def green_connect(dsn: str, connection_factory: Any = None, **kwargs: Any) -> Any:
        factory = connection_factory or module.extensions.connection
        if isinstance(factory, type):
            factory = green(factory)
        return connect(dsn, connection_factory=factory, **kwargs)

    return green_connect


@cache
def green(kind: Any) -> type:
    """A connection class like ``kind``, with methods that wait while another task waits in it."""
    methods = {name: exclusive(getattr(kind, name)) for name in EXCLUSIVE}
    roll_back = methods["rollback"]

    @wraps(roll_back)
    def rollback(self: Any) -> None:
        if self not in cut:
            roll_back(self)

    return type(kind.__name__, (kind,), {**methods, "rollback": rollback, "__doc__": kind.__doc__})


def exclusive(method: Callable[..., Any]) -> Callable[..., Any]:
    """``method``, once nobody waits in the connection."""

    @wraps(method)
    def exclusive_method(self: Any, *args: Any, **kwargs: Any) -> Any:
        while self in waiting:
            waiting[self].wait()
        return method(self, *args, **kwargs)

    return exclusive_method
