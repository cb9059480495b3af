"""mysql-connector-python: ``connect()`` takes the part that waits in Python's sockets.

The driver is there twice, in Python and as an extension that waits in C, with one interface, and
``connect(use_pure=...)`` chooses. Its default, the extension where there is one, is the other one
here; who asks for ``use_pure=False``, also in an option file, has the extension as before.

The Python part knows no exceptions but its own, and takes the rest of an answer that was cut off
by another, such as ``weft.Cancelled``, for the answer to its next question. So these end the
connection, which the driver then finds lost. Its pool would lose a slot to one that came while it
gets a connection, and have one for ever that had lost half an answer: see the functions here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

import weft
from weft.patch import _registry

# Arguments that name files with further arguments; the driver reads them and connects anew.
FILES = {"option_files", "read_default_file"}


def patch(module: ModuleType) -> None:
    """Change the default of ``mysql.connector.connect`` and its other names."""
    made = in_python(module.connect)
    pooling = sys.modules[f"{module.__name__}.pooling"]
    for owner, name in ((pooling, "connect"), (module, "connect"), (module, "Connect")):
        _registry.put(owner, name, made)
    socket = sys.modules[f"{module.__name__}.network"].MySQLSocket
    for name in ("send", "recv"):
        _registry.put(socket, name, whole_or_none(getattr(socket, name), module.Error))
    connection = module.MySQLConnection
    for name in ("disconnect", "close"):
        _registry.put(connection, name, forgetting(connection.close))
    pool = pooling.MySQLConnectionPool
    _registry.put(pool, "get_connection", undisturbed(pool.get_connection))


def in_python(connect: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(connect)
    def connect_in_python(*args: Any, **kwargs: Any) -> Any:
        if not FILES & kwargs.keys():
            kwargs.setdefault("use_pure", True)
        return connect(*args, **kwargs)

    return connect_in_python


def whole_or_none(method: Callable[..., Any], error: type[Exception]) -> Callable[..., Any]:
    """``method`` of a socket, which ends with the call if that ends by an exception not ``error``.

    Those are the driver's, who knows the state of the connection then.
    """

    @wraps(method)
    def send_or_receive(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except error:
            raise
        except BaseException:
            self.close_connection()
            raise

    return send_or_receive


def forgetting(close: Callable[..., None]) -> Callable[..., None]:
    """``close``, after which no answer is awaited that would keep it from connecting again."""

    @wraps(close)
    def close_and_forget(self: Any) -> None:
        close(self)
        self.unread_result = False

    return close_and_forget


def undisturbed(get_connection: Callable[..., Any]) -> Callable[..., Any]:
    """``get_connection``, which a cancellation reaches when the caller has what to give back."""

    @wraps(get_connection)
    def get_shielded(self: Any) -> Any:
        with weft.shield():
            return get_connection(self)

    return get_shielded
