"""Puts weft's ``sleep`` and clocks in place of the stdlib's, and takes them away again.

Code under test, and the stdlib's own loops, ask ``time.monotonic()`` and its
relatives, which must go along with a virtual clock. In threads without one
weft's clocks are the stdlib's. Nothing here parks.

Owns: which globals, classes and defaults hold one of them.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import FunctionType, ModuleType
from typing import Any

import weft.time
from weft.patch import _registry

NAMES = ("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "time", "time_ns", "sleep")

# id of an original -> (itself, what stands in for it), and the way back.
THERE: dict[int, tuple[object, object]] = {}
BACK: dict[int, tuple[object, object]] = {}
for _name in NAMES:
    _pair = getattr(time, _name), getattr(weft.time, _name)
    if _pair[0] is not _pair[1]:
        THERE[id(_pair[0])] = _pair
        BACK[id(_pair[1])] = _pair[::-1]

_Put = Callable[[str, Any], None]
# Searching thousands of functions takes long, so what was found stays: each with a way to set it.
_holders: list[tuple[Mapping[str, Any], _Put]] = []
# Name and globals of the modules searched so far.
_searched: dict[str, dict[str, Any]] = {}
_users = 0


@contextmanager
def in_place() -> Iterator[None]:
    """A block in which weft's functions stand in for the stdlib's; may be nested."""
    global _users
    if not _users:
        exchange(THERE)
    _users += 1
    try:
        yield
    finally:
        _users -= 1
        if not _users:
            exchange(BACK)


def exchange(swaps: dict[int, tuple[object, object]]) -> None:
    for names in new_modules():
        search(names, names.__setitem__)
        for owned in _registry.classes(names):
            search(vars(owned), partial(setattr, owned))
    for holder, put in _holders:
        replace(holder, put, swaps)


def new_modules() -> Iterator[dict[str, Any]]:
    for name, module in list(sys.modules.items()):
        if isinstance(module, ModuleType) and name.partition(".")[0] not in _registry.EXEMPT:
            # Not by attribute, which would load a module that loads lazily.
            names: dict[str, Any] = ModuleType.__getattribute__(module, "__dict__")
            if _searched.get(name) is not names:
                _searched[name] = names
                yield names


def search(names: Mapping[str, Any], put: _Put) -> None:
    """Note ``names`` if one of its values, or a function's default, can be exchanged."""
    for value in list(names.values()):
        if is_one(value) or (type(value) is FunctionType and any(map(is_one, defaults(value)))):
            _holders.append((names, put))
            return


def is_one(value: object) -> bool:
    return id(value) in THERE or id(value) in BACK


def defaults(function: FunctionType) -> list[object]:
    keywords: dict[str, object] = function.__kwdefaults__ or {}
    return [*(function.__defaults__ or ()), *keywords.values()]


def replace(names: Mapping[str, Any], put: _Put, swaps: dict[int, tuple[object, object]]) -> None:
    for name, value in list(names.items()):
        if id(value) in swaps:
            put(name, swaps[id(value)][1])
        elif type(value) is FunctionType:
            _registry.repair_defaults(value, swaps)
