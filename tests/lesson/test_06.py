"""Chapter 06: one OS thread serves many connections, ten thousand of them too."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

WEFT_LESSON = [sys.executable, "-m", "weft", "lesson"]


@pytest.fixture
def port() -> Iterator[int]:
    """Where the chapter's server listens; at the end a Ctrl-C ends it."""
    words = [*WEFT_LESSON, "06", "serve", "0"]
    with subprocess.Popen(words, stdout=-1, stderr=-1, text=True) as server:
        listening = re.fullmatch(
            r"listening on 127\.0\.0\.1:(\d+); Ctrl-C ends it\n", server.stdout.readline()
        )
        yield int(listening[1])
        server.send_signal(signal.SIGINT)
        assert server.communicate(timeout=60) == ("", "weft lesson: interrupted\n")
    assert server.returncode == 130


def test_three_clients_are_served_at_once_in_one_thread(lesson) -> None:
    assert lesson("06") == [
        "Ann is here | Ann leaves",
        "Bo is here | Bo leaves",
        "Cai is here | Cai leaves",
        "OS threads that served them: 1",
    ]


def test_the_server_serves_real_clients(port) -> None:
    first = socket.create_connection(("127.0.0.1", port), timeout=60)
    second = socket.create_connection(("127.0.0.1", port), timeout=60)
    with first, second:
        # The second is served while the first stays.
        for connection in (second, first, second):
            connection.sendall(b"hello")
            assert connection.recv(100) == b"hello"


def test_the_client_talks_line_by_line_until_stdin_ends(port) -> None:
    words = [*WEFT_LESSON, "06", "client", str(port)]
    with subprocess.Popen(words, stdin=-1, stdout=-1, stderr=-1, text=True) as client:
        for line in ("hello", "你好"):
            client.stdin.write(f"{line}\n")
            client.stdin.flush()
            assert client.stdout.readline() == f"the server says: {line}\n"
        assert client.communicate(timeout=60) == ("", "")
    assert client.returncode == 0


def test_ten_thousand_clients_at_once(lesson) -> None:
    connected, answered, memory = lesson("06_load")
    assert connected.startswith("clients connected at once: 10000 after ")
    assert answered.startswith("right answers: 10000, errors: 0, after ")
    each = re.fullmatch(r"memory of the server: (\d+) KiB a connection", memory)
    # A thread would take twice as much.
    assert 1 <= int(each[1]) <= 12
