"""What was measured: samples by work and peer, their medians and ratios. No input, no output."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

Sample = dict[str, float]


@dataclass
class Entry:
    """What one peer did of one work: a sample a round, and why it stopped, if it did."""

    samples: list[Sample] = field(default_factory=list)
    failure: str | None = None

    def median(self, key: str) -> float | None:
        values = [sample[key] for sample in self.samples if key in sample]
        return statistics.median(values) if values else None

    def largest(self, key: str) -> float | None:
        return max((sample[key] for sample in self.samples if key in sample), default=None)


@dataclass
class Figures:
    """Everything measured in one run, and where.

    Works are named as on the command line; an echo work is named by :func:`echo_name`.
    """

    machine: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    works: dict[str, dict[str, Entry]] = field(default_factory=dict)

    def entry(self, work: str, peer: str) -> Entry:
        """The entry to write into; made if there is none."""
        return self.works.setdefault(work, {}).setdefault(peer, Entry())

    def find(self, work: str, peer: str) -> Entry | None:
        return self.works.get(work, {}).get(peer)

    def median(self, work: str, peer: str, key: str) -> float | None:
        entry = self.find(work, peer)
        return entry.median(key) if entry else None

    def ratio(self, work: str, peer: str, against: str, key: str) -> float | None:
        """How many times ``against`` is in ``peer``: the median over rounds of their ratio in each.

        Not the ratio of two medians, which may come from a fast and a slow minute of the machine.
        """
        mine, theirs = self.find(work, peer), self.find(work, against)
        if not mine or not theirs:
            return None
        rounds = zip(mine.samples, theirs.samples, strict=False)  # one may have broken off
        ratios = [a[key] / b[key] for a, b in rounds if key in a and b.get(key)]
        return statistics.median(ratios) if ratios else None

    def peers(self, works: Iterable[str]) -> list[str]:
        """Those with an entry in any of ``works``, in the order in which they first appear."""
        seen = {peer: None for work in works for peer in self.works.get(work, {})}
        return list(seen)

    def echo_cells(self) -> list[tuple[int, int]]:
        """Connections and message size of the echo cells measured, in ascending order."""
        found = (work.split() for work in self.works if work.startswith("echo "))
        return sorted((int(connections), int(size)) for _, connections, _, size in found)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Figures:
        works = {
            work: {peer: Entry(**entry) for peer, entry in peers.items()}
            for work, peers in data["works"].items()
        }
        return cls(data["machine"], data["versions"], data["notes"], works)


def echo_title(connections: int, size: int) -> str:
    sizes = {64: "64 B", 1024: "1 KiB", 65536: "64 KiB"}
    return f"{connections:,} connections, {sizes.get(size, f'{size:,} B')}"


def echo_name(connections: int, size: int) -> str:
    return f"echo {connections} x {size}"
