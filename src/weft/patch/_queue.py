"""Patches ``queue``: its classes stand on ``threading``; the native one is replaced."""

import _queue
import queue
from types import ModuleType
from typing import Any

import weft.queue
from weft._modules import copy_of
from weft.patch import _kept, _late, _registry

NATIVE = _queue.SimpleQueue


def patch() -> None:
    """Make ``SimpleQueue`` cooperative; ``Queue`` and its kin follow from ``threading``."""
    _late.kinds.append(_late.Kind(NATIVE, "queue", moved, lambda found: ""))
    _kept.adopt_heirs(NATIVE, weft.queue.SimpleQueue, "who waits for one stops his whole thread")
    for module in (_queue, queue):
        _registry.replace(module, "SimpleQueue", weft.queue.SimpleQueue)
    # Imported anew the module would have another, which SimpleQueue does not raise.
    _registry.replace(_queue, "Empty", _queue.Empty)


def moved(found: Any) -> object:
    """A green queue with the items of a native one."""
    made: Any = weft.queue.SimpleQueue()
    while not found.empty():
        made.put(found.get_nowait())
    return made


def original() -> ModuleType:
    """``queue`` over the original ``threading``."""
    instead = {name: _registry.original(name) for name in ("threading", "_queue")}
    made = copy_of("queue", instead, "queue")
    vars(made).update({name: getattr(queue, name) for name in ("Empty", "Full")})
    return made
