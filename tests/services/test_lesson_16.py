"""Chapter 16: Twisted's servers and clients and blocking ones wait for each other, and nobody else.

The chapter is here because Twisted is installed for these tests; it needs no server.
"""

import re
import signal
import socket
import time
from pathlib import Path

import pytest

CHAPTER = Path(__file__).parents[2] / "examples" / "lesson" / "16_twisted.py"


def test_twisted_beside_blocking_code(way, run) -> None:
    lines = run(way, CHAPTER)
    twisted = lines.pop(5)
    assert lines == [
        "-- servers of Twisted's, blocking clients",
        "steamed baozi for all",
        "2 more make 3",
        "5 more make 12",
        "-- a blocking server, clients of both kinds",
        "deferToThread: 6000",
        "OS threads that ran all this: 1",
    ]
    sizes, times = re.fullmatch(
        r"Twisted: (.*), urllib: 6000, (\d+) times as fast", twisted
    ).groups()
    assert sizes == "[6000, 6000, 6000, 6000]"
    # Five pages that take as long as one; somebody else may use the machine.
    assert int(times) >= 2


def test_its_server_ends_with_ctrl_c_as_ever(way, start, finish) -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        address = bound.getsockname()
    server = start(way, CHAPTER, "serve", address[1])
    while True:
        try:
            guest = socket.create_connection(address, timeout=30)
            break
        except ConnectionRefusedError:
            assert server.poll() is None, server.communicate()
            time.sleep(0.01)
    with guest, guest.makefile("rb") as told:
        guest.sendall(b"3\n4\n")
        assert [told.readline() for _ in range(3)] == [
            b"how many baozi?\n",
            b"3 more make 3\n",
            b"4 more make 7\n",
        ]
        server.send_signal(signal.SIGINT)
        assert finish(server) == []


@pytest.mark.parametrize("line", ["-- servers", "-- a blocking server"])
def test_ctrl_c_in_the_middle_stops_the_reactor(way, start, line: str) -> None:
    """A task's cancellation would not: the reactor logs every exception, and goes on."""
    program = start(way, CHAPTER, env={"PYTHONUNBUFFERED": "1"})
    while not program.stdout.readline().startswith(line):
        pass
    program.send_signal(signal.SIGINT)
    _, stderr = program.communicate(timeout=60)
    assert stderr.splitlines()[-1] == "KeyboardInterrupt"
    assert "Unexpected error" not in stderr
