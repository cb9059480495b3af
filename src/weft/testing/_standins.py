"""Puts weft's ``sleep`` and clocks in place of the stdlib's, and takes them away again.

Code under test, and the stdlib's own loops, ask ``time.monotonic()`` and its
relatives, which must go along with a virtual clock. In threads without one
weft's clocks are the stdlib's. Nothing here parks.

Owns: which globals, classes and defaults hold one of them.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import FunctionType
from typing import Any

import weft.time
from weft.patch import _registry

NAMES = ("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "time", "time_ns", "sleep")

# Exchanges: the id of a function -> itself, and what is put in its place.
_Swaps = dict[int, tuple[object, object]]

# As they were before any patch.
_NATIVE = {name: _registry.originals.get(("time", name), getattr(time, name)) for name in NAMES}
# Both of each: a module may have taken the stand-in.
_ALL = {id(each) for name in NAMES for each in (_NATIVE[name], getattr(weft.time, name))}

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
        exchange(swaps())
    _users += 1
    try:
        yield
    finally:
        _users -= 1
        if not _users:
            exchange({id(new): (new, old) for old, new in swaps().values()})


def swaps() -> _Swaps:
    """Each of the stdlib's functions that is not patched, with what stands in for it."""
    names = [name for name in NAMES if ("time", name) not in _registry.originals]
    return {id(_NATIVE[name]): (_NATIVE[name], getattr(weft.time, name)) for name in names}


def exchange(pairs: _Swaps) -> None:
    for names in new_modules():
        search(names, names.__setitem__)
        for owned in _registry.classes(names):
            search(vars(owned), partial(setattr, owned))
    for holder, put in _holders:
        replace(holder, put, pairs)


def new_modules() -> Iterator[dict[str, Any]]:
    for name, names in _registry.named_modules():
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
    return id(value) in _ALL


def defaults(function: FunctionType) -> list[object]:
    keywords: dict[str, object] = function.__kwdefaults__ or {}
    return [*(function.__defaults__ or ()), *keywords.values()]


def replace(names: Mapping[str, Any], put: _Put, pairs: _Swaps) -> None:
    for name, value in list(names.items()):
        if id(value) in pairs:
            put(name, pairs[id(value)][1])
        elif type(value) is FunctionType:
            _registry.repair_defaults(value, pairs)
