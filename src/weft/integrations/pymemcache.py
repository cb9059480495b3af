"""pymemcache: a request that is cancelled takes its connection with it, and gives its slot back.

It waits in Python's sockets and needs nothing for that. But it closes a connection, and takes it
out of its pool's used ones, after an ``Exception`` only, and :class:`weft.Cancelled` is none: the
next request would be given the answer to the one before, and a slot of the pool be lost each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from weft.integrations._cut import closing
from weft.patch import _registry

# Every request goes through one of these.
REQUESTS = ("_fetch_cmd", "_misc_cmd", "_store_cmd")


def patch(module: ModuleType) -> None:
    """Change ``Client`` and ``ObjectPool`` in place, which all other clients stand on."""
    client, pool = module.client.base.Client, module.pool.ObjectPool
    for name in REQUESTS:
        _registry.put(client, name, closing(getattr(client, name), client.close))
    _registry.put(pool, "get_and_release", contextmanager(get_and_release))


def get_and_release(self: Any, destroy_on_fail: bool = False) -> Iterator[Any]:
    """A connection of the pool for a block; the pool's own, but for how it ends when cut off."""
    client = self.get()
    try:
        yield client
    except BaseException as error:
        if destroy_on_fail or not isinstance(error, Exception):
            self.destroy(client)
        else:
            self.release(client)
        raise
    self.release(client)
