"""What weft must reach, and whether it does. Pure: figures in, verdicts out."""

from __future__ import annotations

from dataclasses import dataclass

from harness.figures import Figures, echo_name
from harness.peers import FLOOR, JOINALL, PATCHED, SERVE_TCP, STREAMSERVER

HUNDRED = echo_name(100, 1024)
TEN_THOUSAND = echo_name(10000, 1024)


@dataclass(frozen=True)
class Target:
    """A bound on weft's figure, or on its ratio to that of ``against``.

    ``at_least`` bounds how many times more ``against`` takes; otherwise the bound is the most that
    weft may take, as a multiple of ``against`` or in ``unit``.
    """

    what: str
    work: str
    peer: str
    bound: float
    against: str = ""
    at_least: bool = False
    key: str = "cpu_us"
    unit: str = ""

    def wanted(self) -> str:
        if self.at_least:
            return f"at least {self.bound:g}x faster than {self.against}"
        if self.against:
            return f"at most {self.bound:g}x {self.against}"
        return f"at most {self.bound:,g} {self.unit}".rstrip() if self.bound else "none"

    def value(self, figures: Figures) -> float | None:
        """The measured counterpart of ``bound``; None where something was not measured."""
        if self.at_least:
            return figures.ratio(self.work, self.against, self.peer, self.key)
        if self.against:
            return figures.ratio(self.work, self.peer, self.against, self.key)
        entry = figures.find(self.work, self.peer)
        if not entry:
            return None
        return entry.median(self.key) if self.bound else entry.largest(self.key)

    def verdict(self, figures: Figures) -> Verdict:
        value = self.value(figures)
        if value is None:
            entry = figures.find(self.work, self.peer)
            return Verdict(self, "failed" if entry and entry.failure else "not measured", None)
        shown = f"{value:.2f}x" if self.against else f"{value:,.0f} {self.unit}".rstrip()
        met = value >= self.bound if self.at_least else value <= self.bound
        return Verdict(self, shown, met)


@dataclass(frozen=True)
class Verdict:
    target: Target
    measured: str
    met: bool | None

    @property
    def word(self) -> str:
        return {True: "met", False: "MISSED", None: "?"}[self.met]


TARGETS = (
    Target("echo, 100 connections, 1 KiB, serve_tcp", HUNDRED, SERVE_TCP, 1.35, FLOOR),
    Target("the same", HUNDRED, SERVE_TCP, 0.6, STREAMSERVER),
    Target("echo, 100 connections, 1 KiB, patched socket, weft run", HUNDRED, PATCHED, 1.5, FLOOR),
    Target("echo, 10,000 connections, 1 KiB, serve_tcp", TEN_THOUSAND, SERVE_TCP, 1.6, FLOOR),
    Target("errors of the same", TEN_THOUSAND, SERVE_TCP, 0, key="errors"),
    Target("spawn + join of 100,000", "spawn", "weft", 7, "gevent", at_least=True),
    Target("the same", "spawn", "weft", 3.5, "asyncio", at_least=True),
    Target("checkpoint", "checkpoint", "weft", 4, "gevent", at_least=True),
    Target("the same", "checkpoint", "weft", 2.5, "uvloop", at_least=True),
    Target("queue ping-pong", "queue", "weft", 5, "gevent", at_least=True),
    Target("the same", "queue", "weft", 4, "uvloop", at_least=True),
    Target("uncontended Lock", "lock", "weft", 1.5, "OS threads"),
    Target("group of 100,000", "group", "weft", 1.5, JOINALL),
    Target("wake + join of 100,000 parked", "wake", "weft", 8, "gevent", at_least=True),
    Target("the same", "wake", "weft", 2, "asyncio", at_least=True),
    Target("parked task, Python frame", "parked", "weft", 6400, key="bytes", unit="bytes"),
    Target("parked task, native code", "parked_native", "weft", 2300, key="bytes", unit="bytes"),
    Target("100,000 timers", "timers", "weft", 3, "gevent", at_least=True),
    Target("early ones among them", "timers", "weft", 0, key="early"),
    Target("redis-py GET, 100 workers, weft run", "redis", "weft", 0.75, "gevent"),
    Target("the same", "redis", "weft", 1, "OS threads"),
    Target("pymemcache GET, 100 workers, weft run", "memcached", "weft", 0.75, "gevent"),
    Target("the same", "memcached", "weft", 1, "OS threads"),
    Target("PyMySQL SELECT, 100 workers, weft run", "mysql", "weft", 0.75, "gevent"),
    Target("the same", "mysql", "weft", 1, "OS threads"),
    Target("import weft", "import", "weft", 25, key="cpu_ms", unit="ms"),
)


def verdicts(figures: Figures) -> list[Verdict]:
    """Those of the works that were measured, of weft or of others."""
    return [target.verdict(figures) for target in TARGETS if target.work in figures.works]
