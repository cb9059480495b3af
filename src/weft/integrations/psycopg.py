"""psycopg 3: queries wait as its Python part does, and a cancelled one is cancelled on the server.

Its C part waits by itself, unless another module is found to have patched the process. Its own
``wait_poll`` stands on the patched ``select``. On Ctrl-C, and in asyncio, psycopg has the server
cancel the query, and reads what comes of that, before the exception goes on: the connection stays
in step. Here it does the same for :class:`weft.Cancelled`.
"""

from __future__ import annotations

from types import ModuleType

from weft._errors import Cancelled
from weft.patch import _registry


def patch(module: ModuleType) -> None:
    """Change what ``psycopg.Connection`` waits with, unless PSYCOPG_WAIT_FUNC has chosen."""
    waiting, connection = module.waiting, module.connection
    if waiting.wait is getattr(waiting, "wait_c", None):
        _registry.put(waiting, "wait", waiting.wait_poll)
    _registry.put(connection, "_INTERRUPTED", (*connection._INTERRUPTED, Cancelled))
