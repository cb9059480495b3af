"""How much is measured: the full run and the quick one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

CONNECTIONS = (10, 100, 1000, 10000)
SIZES = (64, 1024, 65536)
MANY = 5000  # connections whose first round trips take longer than the usual warm-up
HEADLINE = ((100, 1024), (10000, 1024))  # the echo cells that targets are set for


@dataclass(frozen=True)
class Work:
    """A small work and how many operations of it are measured."""

    title: str
    unit: str
    count: int
    threads: int  # the same for OS threads, which are slower and fewer
    whole: bool = False  # the number of tasks matters to the figure: never a share of it
    service: str = ""  # the server of tools/services that it needs

    @property
    def key(self) -> str:
        """The sample's field that is the figure."""
        return "bytes" if self.unit == "bytes" else "cpu_us"


WORKS = {
    "spawn": Work("create, run and join a task", "µs", 100_000, 20_000, True),
    "checkpoint": Work("one checkpoint, 100 tasks taking turns", "µs", 500_000, 0),
    "queue": Work("queue ping-pong, round trip", "µs", 100_000, 20_000),
    "lock": Work("acquire and release a free lock", "µs", 1_000_000, 1_000_000),
    "group": Work("create, run and leave a task group's task", "µs", 100_000, 0, True),
    "wake": Work("wake and join a parked task, of 100,000", "µs", 100_000, 5_000, True),
    "timers": Work("sleep below 1 s, 100,000 tasks at once", "µs", 100_000, 5_000, True),
    "parked": Work("memory of a task parked in Python code", "bytes", 100_000, 5_000),
    "parked_native": Work("the same, parked in native code", "bytes", 100_000, 0),
}
SERVICE_WORKS = {
    "redis": Work("redis-py GET, 100 workers", "µs", 30_000, 30_000, service="redis"),
    "memcached": Work("pymemcache GET, 100 workers", "µs", 60_000, 60_000, service="memcached"),
    "mysql": Work("PyMySQL SELECT of a row, 100 workers", "µs", 50_000, 50_000, service="mariadb"),
}
ALL_WORKS = ("echo", *WORKS, *SERVICE_WORKS, "idle", "import")


@dataclass(frozen=True)
class Settings:
    """What one run does. Seconds and counts; ``rounds`` for all but the other echo cells."""

    name: str
    rounds: int
    large_rounds: int  # of whole works and of the headline echo cell with 10,000 connections
    cell_rounds: int  # of the echo cells that no target is set for
    window: float
    warmup: float
    share: float  # of the operations of each small work that is not whole
    idle_connections: int
    import_rounds: int
    cells: tuple[tuple[int, int], ...]
    only: frozenset[str] = field(default_factory=lambda: frozenset(ALL_WORKS))
    peers: tuple[str, ...] = ()

    def wants(self, peer: str) -> bool:
        """Whether the user named ``peer``, or nobody. The floor is always wanted."""
        named = any(word.lower() in peer.lower() for word in self.peers)
        return not self.peers or named or peer == "C epoll"

    def rounds_of_work(self, work: Work) -> int:
        return self.large_rounds if work.whole else self.rounds

    def count_of(self, work: Work, threads: bool) -> int:
        """How many operations of ``work`` are measured."""
        count = work.threads if threads else work.count
        return count if work.whole else int(count * self.share)

    def rounds_of(self, cell: tuple[int, int]) -> int:
        if cell not in HEADLINE:
            return self.cell_rounds
        return self.rounds if cell[0] < MANY else self.large_rounds


FULL = Settings(
    name="full",
    rounds=5,
    large_rounds=5,
    cell_rounds=2,
    window=1.0,
    warmup=0.3,
    share=1.0,
    idle_connections=10_000,
    import_rounds=15,
    cells=tuple((connections, size) for size in SIZES for connections in CONNECTIONS),
)
QUICK = replace(
    FULL,
    name="quick",
    rounds=3,
    large_rounds=1,
    cell_rounds=1,
    window=0.5,
    warmup=0.2,
    share=0.2,
    idle_connections=2_000,
    import_rounds=5,
    cells=HEADLINE,
)
