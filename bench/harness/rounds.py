"""Interleaved rounds: every peer once, then every peer again, so that drift meets all alike."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping

from harness.figures import Figures, Sample
from harness.processes import Broken

BEGAN = time.monotonic()
Measure = Callable[[], Sample | None]


def interleave(figures: Figures, work: str, peers: Mapping[str, Measure], rounds: int) -> None:
    """Call each of ``peers`` once a round and keep what it returns under its name.

    One that raises :exc:`Broken` is noted with its message and not asked again; one that returns
    None has no such work and is left out.
    """
    going = dict(peers)
    for number in range(rounds):
        progress(f"{work}, round {number + 1} of {rounds}")
        for name in list(going):
            try:
                sample = going[name]()
            except Broken as error:
                figures.entry(work, name).failure = str(error)
                progress(f"{work}: {name}: {error}")
                del going[name]
                continue
            if sample is None:
                del going[name]
            else:
                figures.entry(work, name).samples.append(sample)


def progress(text: str) -> None:
    """One line with the seconds since the program began."""
    print(f"bench: {time.monotonic() - BEGAN:4.0f} s: {text}", file=sys.stderr, flush=True)
