"""psycopg_pool: a cancelled task takes no connection with it.

The pool knows of an ``Exception`` only. A task cancelled while it waits for a connection has to
tell the pool that it is gone, or would be handed one later; that is what the pool's asyncio part
does. A task cancelled while it gives one back finishes that first. And a pool that is dropped, not
closed, would wait for its threads to end, which a finalizer may not; they end without that.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from weft._errors import Cancelled
from weft.integrations._cut import shielded
from weft.patch import _registry


def patch(module: ModuleType) -> None:
    """Change ``psycopg_pool.ConnectionPool`` in place."""
    pool = module.pool
    _registry.put(pool, "CLIENT_EXCEPTIONS", (Exception, Cancelled))
    # Where it would otherwise be swallowed.
    for name in ("check", "putconn"):
        _registry.put(pool.ConnectionPool, name, shielded(getattr(pool.ConnectionPool, name)))
    _registry.put(pool.ConnectionPool, "__del__", dropped)


def dropped(self: Any) -> None:
    """Tell the threads of a pool to end."""
    if not getattr(self, "_closed", True):
        self._signal_stop_worker()
