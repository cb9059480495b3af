"""Buffered files that several tasks may use at a time, as threads may.

Owns: whose turn it is in a buffered file over a green raw one. Must not know: sockets.

The stdlib's classes hold a lock of their own, by OS thread, while the raw file is read or
written. A task parked there would give every other task of its thread a RuntimeError, and stop
other threads. So each call first takes a lock of weft's: who comes second parks.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from weft._core._lock import RLock
from weft._core._turns import sized
from weft._modules import view

P = ParamSpec("P")
R = TypeVar("R")
Method = Callable[Concatenate[Any, P], R]


def _in_turn(method: Method[P, R], lock: str = "_turn") -> Method[P, R]:
    """``method``, made while holding the lock that the file has as attribute ``lock``."""

    @wraps(method)
    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with getattr(self, lock):
            return method(self, *args, **kwargs)

    return call


def _name(method: Callable[[Any], str]) -> Callable[[Any], str]:
    """``method``, a ``__repr__``, for the name that the stdlib's classes go by."""

    @wraps(method)
    def call(self: Any) -> str:
        return method(self).replace("<", "<_io.", 1)

    return call


class BufferedReader(io.BufferedReader):
    """:class:`io.BufferedReader`; a task parks while another one reads."""

    def __init__(self, raw: io.RawIOBase, buffer_size: int = io.DEFAULT_BUFFER_SIZE) -> None:
        # Taken again by the methods that ``close`` calls.
        self._turn = RLock()
        super().__init__(raw, buffer_size)

    read = sized(io.BufferedReader.read)
    read1 = sized(io.BufferedReader.read1)
    readinto = _in_turn(io.BufferedReader.readinto)
    readinto1 = _in_turn(io.BufferedReader.readinto1)
    readline = sized(io.BufferedReader.readline)
    peek = _in_turn(io.BufferedReader.peek)
    seek = _in_turn(io.BufferedReader.seek)
    tell = _in_turn(io.BufferedReader.tell)
    truncate = _in_turn(io.BufferedReader.truncate)
    close = _in_turn(io.BufferedReader.close)
    __repr__ = _name(io.BufferedReader.__repr__)


class BufferedWriter(io.BufferedWriter):
    """:class:`io.BufferedWriter`; a task parks while another one writes."""

    def __init__(self, raw: io.RawIOBase, buffer_size: int = io.DEFAULT_BUFFER_SIZE) -> None:
        self._turn = RLock()
        super().__init__(raw, buffer_size)

    write = _in_turn(io.BufferedWriter.write)
    flush = _in_turn(io.BufferedWriter.flush)
    seek = _in_turn(io.BufferedWriter.seek)
    tell = _in_turn(io.BufferedWriter.tell)
    truncate = _in_turn(io.BufferedWriter.truncate)
    close = _in_turn(io.BufferedWriter.close)
    __repr__ = _name(io.BufferedWriter.__repr__)


class BufferedRandom(io.BufferedRandom):
    """:class:`io.BufferedRandom`; a task parks while another one reads or writes."""

    def __init__(self, raw: io.RawIOBase, buffer_size: int = io.DEFAULT_BUFFER_SIZE) -> None:
        self._turn = RLock()
        super().__init__(raw, buffer_size)

    read = sized(io.BufferedRandom.read)
    read1 = sized(io.BufferedRandom.read1)
    readinto = _in_turn(io.BufferedRandom.readinto)
    readinto1 = _in_turn(io.BufferedRandom.readinto1)
    readline = sized(io.BufferedRandom.readline)
    peek = _in_turn(io.BufferedRandom.peek)
    write = _in_turn(io.BufferedRandom.write)
    flush = _in_turn(io.BufferedRandom.flush)
    seek = _in_turn(io.BufferedRandom.seek)
    tell = _in_turn(io.BufferedRandom.tell)
    truncate = _in_turn(io.BufferedRandom.truncate)
    close = _in_turn(io.BufferedRandom.close)


class BufferedRWPair(io.BufferedRWPair):
    """:class:`io.BufferedRWPair`; one task reads in it while another one writes."""

    def __init__(
        self,
        reader: io.RawIOBase,
        writer: io.RawIOBase,
        buffer_size: int = io.DEFAULT_BUFFER_SIZE,
    ) -> None:
        self._turn = RLock()
        self._turn_to_write = RLock()
        super().__init__(reader, writer, buffer_size)

    read = _in_turn(io.BufferedRWPair.read)
    read1 = _in_turn(io.BufferedRWPair.read1)
    readinto = _in_turn(io.BufferedRWPair.readinto)
    readinto1 = _in_turn(io.BufferedRWPair.readinto1)
    peek = _in_turn(io.BufferedRWPair.peek)
    write = _in_turn(io.BufferedRWPair.write, "_turn_to_write")
    flush = _in_turn(io.BufferedRWPair.flush, "_turn_to_write")
    close = _in_turn(_in_turn(io.BufferedRWPair.close), "_turn_to_write")


# The module ``io`` with these in place of its own.
green_io = view(
    io,
    {each.__name__: each for each in (BufferedReader, BufferedWriter, BufferedRWPair)},
)
