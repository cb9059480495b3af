"""Lets other tasks run beside an event loop that never waits.

An event loop waits in a selector, and that is patched; its running loop is the task's own without
any patch. But tests give it a selector of theirs, which may come back at once for ever.
"""

from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

from weft._core._waits import take_breath
from weft.patch import _registry


def patch() -> None:
    """Have every event loop of :mod:`asyncio` give way, also if that is imported later."""
    _registry.when_imported("asyncio.base_events", give_way)


def give_way(module: ModuleType) -> None:
    loop: Any = module.BaseEventLoop
    _registry.put(loop, "_run_once", after_a_breath(loop._run_once))


def after_a_breath(run_once: Callable[[Any], None]) -> Callable[[Any], None]:
    @wraps(run_once)
    def _run_once(self: Any) -> None:
        take_breath()
        run_once(self)

    return _run_once
