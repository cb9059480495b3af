"""python-memcached: a request that is cancelled takes its connections with it.

It waits in Python's sockets and needs nothing for that. But it closes a connection after an
``OSError`` only, and :class:`weft.Cancelled` is none: the next request would be given the answer to
the one before. One for several keys asks several servers before it reads the first answer, so all
of a client's connections are closed; it makes new ones as they are needed.
"""

from __future__ import annotations

from types import ModuleType

from weft.integrations._cut import closing
from weft.patch import _registry

# Every request goes through one of these.
REQUESTS = (
    "_get",
    "_incrdecr",
    "_set",
    "delete",
    "delete_multi",
    "flush_all",
    "get_multi",
    "get_slab_stats",
    "get_slabs",
    "get_stats",
    "set_multi",
    "touch",
)


def patch(module: ModuleType) -> None:
    """Change ``memcache.Client`` in place."""
    client = module.Client
    for name in REQUESTS:
        _registry.put(client, name, closing(getattr(client, name), client.disconnect_all))
