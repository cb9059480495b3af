"""Patches ``queue``: its classes stand on ``threading``; the native one is replaced."""

import _queue
import queue
from types import ModuleType

import weft.queue
from weft._modules import copy_of
from weft.patch import _registry


def patch() -> None:
    """Make ``SimpleQueue`` cooperative; ``Queue`` and its kin follow from ``threading``."""
    for module in (_queue, queue):
        _registry.replace(module, "SimpleQueue", weft.queue.SimpleQueue)


def original() -> ModuleType:
    """``queue`` over the original ``threading``."""
    instead = {name: _registry.original(name) for name in ("threading", "_queue")}
    made = copy_of("queue", instead, "queue")
    vars(made).update({name: getattr(queue, name) for name in ("Empty", "Full")})
    return made
