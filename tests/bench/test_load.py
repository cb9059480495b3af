"""The C programs: the load generator counts what it should, and sees every kind of bad server."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from harness.echo import LOAD, echo_sample
from harness.environment import build_c_programs
from harness.paths import BUILD
from harness.processes import Broken, Server, pick_cores, run_json

CORES = pick_cores()


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    build_c_programs()


@pytest.fixture
def floor() -> Iterator[Server]:
    with Server([str(BUILD / "echo_server")], CORES.measured) as server:
        yield server


def load(port: int, *options: str) -> dict[str, float]:
    command = [LOAD, "--port", str(port), "--warmup", "0", "--limit", "20", *options]
    return run_json(command, CORES.driver, 100)


@pytest.mark.parametrize("size", ["1", "1024", "65536", "1000000"])
def test_every_request_is_counted(floor: Server, size: str) -> None:
    told = load(floor.port, "--connections", "7", "--size", size, "--requests", "50")
    assert (told["open"], told["errors"]) == (7, 0)
    assert 50 <= told["requests"] <= 57
    assert 0 < told["p50_us"] <= told["p99_us"]


def test_the_servers_cpu_is_read(floor: Server) -> None:
    # More than a tick of work: the kernel adds a running thread's time up once a tick.
    told = load(floor.port, "--requests", "5000", "--pid", str(floor.pid))
    sample = echo_sample(told, "")
    assert 0 < sample["cpu_us"] < 1000


def test_many_connections_come_from_several_addresses(floor: Server) -> None:
    told = load(floor.port, "--connections", "4500", "--size", "64", "--requests", "4500")
    assert (told["open"], told["errors"]) == (4500, 0)


def bad_server(answer: Callable[[socket.socket], None]) -> int:
    """A server for one connection; returns its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener:
            sock, _ = listener.accept()
            with sock:
                answer(sock)

    threading.Thread(target=serve, daemon=True).start()
    port: int = listener.getsockname()[1]
    return port


def flip(sock: socket.socket) -> None:
    while data := sock.recv(65536):
        sock.sendall(bytes([data[0] ^ 1]) + data[1:])


def hang_up(sock: socket.socket) -> None:
    sock.recv(65536)


def hang_up_later(sock: socket.socket) -> None:
    for _ in range(10):
        sock.sendall(sock.recv(65536))


@pytest.mark.parametrize("answer", [flip, hang_up, hang_up_later])
def test_a_bad_reply_is_an_error(answer: Callable[[socket.socket], None]) -> None:
    told = load(bad_server(answer), "--connections", "1", "--size", "64", "--seconds", "5")
    assert told["errors"] == 1
    assert told["requests"] <= 9


def test_a_server_that_answers_nobody_is_broken() -> None:
    told = load(bad_server(hang_up), "--connections", "1")
    with pytest.raises(Broken, match=r"1 errors, 0 of 1 open: boom"):
        echo_sample(told, "Traceback\nboom\n")


def test_a_program_that_prints_no_figures_is_broken() -> None:
    with pytest.raises(Broken, match="--port 1-65535"):
        load(0)
