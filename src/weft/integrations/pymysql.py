"""PyMySQL: a connection that was cut off as it sent a query is closed.

The driver waits in Python's sockets and closes a connection whose answer was cut off. One cut off
while it sends, by ``weft.Cancelled`` say, it keeps: the server would take the next query for the
rest of this one, and the next answer would be this one's.
"""

from __future__ import annotations

from functools import wraps
from types import ModuleType
from typing import Any

from weft.patch import _registry


def patch(module: ModuleType) -> None:
    """Change ``pymysql.connections.Connection`` in place: subclasses and instances follow."""
    write = module.Connection._write_bytes

    @wraps(write)
    def _write_bytes(self: Any, data: Any) -> None:
        try:
            write(self, data)
        except BaseException:
            self._force_close()
            raise

    _registry.put(module.Connection, "_write_bytes", _write_bytes)
