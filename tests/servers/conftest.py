"""A server to start and clients to connect, all in the test's own thread."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import weft
from weft.servers import StreamServer
from weft.socket import AF_UNIX, create_connection, socket

LOOPBACK = ("127.0.0.1", 0)


@pytest.fixture
def serve() -> Iterator[Callable[..., StreamServer]]:
    """Make and start a StreamServer; it is stopped after the test, and must leave no task."""
    servers: list[StreamServer] = []
    before = set(weft.tasks())

    def start(handler, address=LOOPBACK, **options) -> StreamServer:
        server = StreamServer(handler, address, **options)
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()
        assert server.statistics().connections == 0
    assert set(weft.tasks()) <= before


@pytest.fixture
def connect() -> Iterator[Callable[[StreamServer], socket]]:
    """Connect to a server; the socket is closed after the test."""
    socks: list[socket] = []

    def client(server: StreamServer) -> socket:
        if isinstance(server.address, tuple):
            sock = create_connection(server.address[:2])
        else:
            sock = socket(AF_UNIX)
            sock.connect(server.address)
        socks.append(sock)
        return sock

    yield client
    for sock in socks:
        sock.close()


@pytest.fixture
def wait_for() -> Callable[[Callable[[], object]], None]:
    """Let other tasks run until a condition holds."""

    def wait(condition: Callable[[], object]) -> None:
        while not condition():
            weft.checkpoint()

    return wait


@pytest.fixture
def certs() -> Path:
    """Where the test certificates are."""
    return Path(__file__).parents[1] / "certs"
