"""What a seeded schedule consists of, and the one that a whole test may run under.

Owns: the ambient schedule, which makes room for those that the test begins itself.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from operator import index

from weft._core import _trial
from weft.testing import _standins

# The schedule that the present test runs under, if it has one.
_ambient: list[_Ambient] = []


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """A block under a schedule of its own, but with the stdlib's clocks."""
    number = index(seed)
    _trial.settle()
    _trial.stop_clock(fixed=True)
    before = random.getstate()
    collects = gc.isenabled()
    gc.disable()
    random.seed(number)
    _trial.shuffle(number)
    try:
        yield
    finally:
        _trial.shuffle(None)
        random.setstate(before)
        if collects:
            gc.enable()
        _trial.start_clock()


class _Ambient:
    """A schedule that makes room for one that the code under it begins."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.stack = ExitStack()

    def begin(self) -> None:
        self.stack.enter_context(seeded(self.seed))

    def end(self) -> None:
        self.stack.close()


@contextmanager
def ambient(seed: int) -> Iterator[None]:
    """:func:`schedule` for a test that may use ``schedule``, ``explore`` or ``virtual_time``."""
    made = _Ambient(seed)
    with _standins.in_place():
        made.begin()
        _ambient.append(made)
        try:
            yield
        finally:
            _ambient.pop()
            made.end()


@contextmanager
def aside() -> Iterator[None]:
    """A block in which the ambient schedule, if there is one, is not in force."""
    if not _ambient:
        yield
        return
    outer = _ambient.pop()
    outer.end()
    try:
        yield
    finally:
        outer.begin()
        _ambient.append(outer)


def has_ambient() -> bool:
    """Whether the present test runs under a schedule that it has not begun itself."""
    return bool(_ambient)
