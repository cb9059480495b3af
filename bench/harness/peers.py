"""Who is measured: the echo servers, the engines of the small works, the modules imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.paths import BUILD, SERVERS, WORK

FLOOR = "C epoll"
SERVE_TCP = "weft serve_tcp"
PATCHED = "weft patched"
STREAMSERVER = "gevent StreamServer"
JOINALL = "weft, spawn and joinall"


@dataclass(frozen=True)
class EchoServer:
    name: str
    file: str
    weft_run: bool = False

    def command(self, python: Path) -> list[str]:
        if self.name == FLOOR:
            return [str(BUILD / self.file)]
        how = ["-m", "weft", "run"] if self.weft_run else []
        return [str(python), *how, str(SERVERS / f"{self.file}.py")]


@dataclass(frozen=True)
class Engine:
    """One side of the small works.

    ``renamed`` gives the works it does in a form of its own; if not empty, it does only those.
    """

    name: str
    file: str
    renamed: tuple[tuple[str, str], ...] = ()

    def command(self, python: Path, work: str, count: int) -> list[str] | None:
        """None if the engine has no such work."""
        if self.renamed:
            work = dict(self.renamed).get(work, "")
        return [str(python), str(WORK / f"{self.file}.py"), work, str(count)] if work else None


@dataclass(frozen=True)
class Client:
    """One side of the works that need a server; all run the same program."""

    name: str
    engine: str
    weft_run: bool = False

    def command(self, python: Path) -> list[str]:
        how = ["-m", "weft", "run"] if self.weft_run else []
        return [str(python), *how, str(WORK / "services_work.py"), self.engine]


@dataclass(frozen=True)
class Module:
    name: str
    statement: str


ECHO_SERVERS = (
    EchoServer(FLOOR, "echo_server"),
    EchoServer(SERVE_TCP, "weft_serve_tcp"),
    EchoServer(PATCHED, "weft_patched", weft_run=True),
    EchoServer("uvloop Protocol", "uvloop_protocol"),
    EchoServer("uvloop streams", "uvloop_streams"),
    EchoServer("selectors", "plain_selectors"),
    EchoServer("OS threads", "os_threads"),
    EchoServer("gevent patched socket", "gevent_patched"),
    EchoServer(STREAMSERVER, "gevent_streamserver"),
    EchoServer("Twisted", "twisted_protocol"),
    EchoServer("eventlet", "eventlet_green"),
    EchoServer("asyncio streams", "asyncio_streams"),
)

CHEAPEST = (("spawn", "spawn_cheapest"), ("wake", "wake_cheapest"))
ENGINES = (
    Engine("weft", "weft_work"),
    Engine(JOINALL, "weft_work", (("group", "spawn"),)),
    Engine("greenlet alone", "greenlet_work"),
    Engine("uvloop", "uvloop_work"),
    Engine("asyncio", "asyncio_work"),
    Engine("asyncio, cheapest form", "asyncio_work", CHEAPEST),
    Engine("gevent", "gevent_work"),
    Engine("gevent, cheapest form", "gevent_work", CHEAPEST),
    Engine("eventlet", "eventlet_work"),
    Engine("OS threads", "threads_work"),
)

CLIENTS = (
    Client("weft", "weft", weft_run=True),
    Client("gevent", "gevent"),
    Client("eventlet", "eventlet"),
    Client("OS threads", "threads"),
)

MODULES = (
    Module("weft", "import weft"),
    Module("asyncio", "import asyncio"),
    Module("uvloop", "import uvloop"),
    Module("gevent", "import gevent"),
    Module("eventlet", "import warnings; warnings.simplefilter('ignore'); import eventlet"),
    Module("Twisted", "import twisted.internet.reactor"),
)
