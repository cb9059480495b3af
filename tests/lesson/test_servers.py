"""The servers of chapters 09 to 11 are textbook code: what they do on weft, they do without it."""

import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

CHAPTERS = Path(__file__).parents[2] / "examples" / "lesson"
#: How a program of the lesson is started, by its name.
WAYS = {
    "python": lambda name: [sys.executable, str(CHAPTERS / f"{name}.py")],
    "weft": lambda name: [sys.executable, "-m", "weft", "lesson", name],
}
ECHOES = ["09_select", "10_poll", "10_poll_edges"]
CLIENTS = 20
PATIENCE = 30


@pytest.fixture
def port() -> int:
    """A port of loopback's that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return bound.getsockname()[1]


@pytest.fixture
def serve(port: int) -> Iterator[Callable[[str, str], int]]:
    """Start ``serve`` of a chapter in one of the two ways; its port, once it listens."""
    servers: list[subprocess.Popen[str]] = []

    def begin(way: str, name: str) -> int:
        command = [*WAYS[way](name), "serve", str(port)]
        servers.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        while servers[0].poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return port
            except ConnectionRefusedError:
                time.sleep(0.01)
        pytest.fail(servers[0].communicate()[1])

    yield begin
    for server in servers:
        server.send_signal(signal.SIGINT)
        _, complaint = server.communicate(timeout=PATIENCE)
        assert complaint.splitlines()[-1] in ("KeyboardInterrupt", "weft lesson: interrupted")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ECHOES)
def test_echo_to_clients_that_read_late(serve, way: str, name: str) -> None:
    """Each sends all it has before it reads, and nobody reads before all have sent."""
    address = "127.0.0.1", serve(way, name)
    everybody = threading.Barrier(CLIENTS, timeout=PATIENCE)

    def talk(number: int) -> bool:
        message = number.to_bytes() * 1_000_000
        with socket.create_connection(address, timeout=PATIENCE) as sock:
            sock.sendall(message)
            everybody.wait()
            with sock.makefile("rb") as answer:
                return answer.read(len(message)) == message

    with ThreadPoolExecutor(CLIENTS) as pool:
        assert all(pool.map(talk, range(CLIENTS)))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", [*ECHOES, "11_selectors"])
def test_a_client_that_is_cut_off_takes_nobody_along(serve, way: str, name: str) -> None:
    address = "127.0.0.1", serve(way, name)
    for _ in range(5):
        with socket.create_connection(address, timeout=PATIENCE) as sock:
            sock.sendall(bytes(1_000_000))
            # Closed with a reset: there are answers that nobody reads.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with socket.create_connection(address, timeout=PATIENCE) as sock:
        sock.sendall(b"hello")
        assert sock.recv(10) in (b"hello", b"your name?")


@pytest.mark.parametrize("way", WAYS)
def test_guests_may_say_all_at_once_or_byte_by_byte(serve, way: str) -> None:
    address = "127.0.0.1", serve(way, "11_selectors")
    heard = "your name?\nhello Di, how many baozi?\nhere are 4 for Di; more?\n"
    with socket.create_connection(address, timeout=PATIENCE) as slow:
        for byte in b"Di\n4":
            slow.sendall(bytes([byte]))
        with socket.create_connection(address, timeout=PATIENCE) as hasty:
            hasty.sendall(b"Di\n4\n")
            with hasty.makefile() as answer:
                assert answer.read(len(heard)) == heard
        slow.sendall(b"\n")
        with slow.makefile() as answer:
            assert answer.read(len(heard)) == heard


@pytest.mark.parametrize("way", WAYS)
def test_the_client_of_chapter_09_can_be_had_apart(serve, lesson, way: str) -> None:
    both = lesson("09")
    client = both[1 : both.index("-- beside other tasks")]
    assert lesson("09", "client", str(serve(way, "09_select"))) == client
