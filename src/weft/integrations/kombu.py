"""kombu: a producer cut off as it waits for a connection gives back none that is not its own.

It waits as its transport does and needs nothing for that. But a producer in a ``ProducerPool``
remembers the connection that it had last. Cut off while it waits for another, it would give that
one back again, and the pool lend it to two at a time.
"""

from __future__ import annotations

from functools import wraps
from types import ModuleType
from typing import Any

from weft.patch import _registry


def patch(module: ModuleType) -> None:
    """Change ``ProducerPool`` of the module ``kombu.pools`` in place."""
    prepare_producer = module.ProducerPool.prepare

    @wraps(prepare_producer)
    def prepare(self: Any, producer: Any) -> Any:
        # One that is not made yet is a function.
        if not callable(producer) and producer._channel is None:
            producer.__connection__ = None
        return prepare_producer(self, producer)

    _registry.put(module.ProducerPool, "prepare", prepare)
