"""Chapter 09: who does not read holds up nobody, and a server in select holds up no task."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

LESSON = [sys.executable, "-m", "weft", "lesson", "09"]
TWO_SOCKETS = [
    "slow:  sent 8 MiB, read nothing of the echo yet",
    "quick: sent 'one baozi', received 'one baozi'",
    "quick: sent 'two baozi', received 'two baozi'",
    "quick: sent 'three baozi', received 'three baozi'",
    "slow:  received 8 MiB, unchanged: True",
]


def test_the_quick_socket_is_answered_while_the_slow_one_does_not_read(lesson) -> None:
    lines = lesson("09")
    assert lines[: lines.index("-- beside other tasks")] == ["-- two sockets", *TWO_SOCKETS]


def test_tasks_tick_while_the_server_waits_in_select(lesson) -> None:
    lines = lesson("09")
    assert lines[lines.index("-- beside other tasks") + 1 :] == [
        "the server is parked, its wait is a poll",
        "3 tasks ticked 10 times each, in 1 OS thread",
        "the server still serves: 'hello'",
        "the server is done",
    ]


@pytest.fixture
def port() -> Iterator[str]:
    """The port of a server of its own, ended by Ctrl-C."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    with subprocess.Popen(
        [*LESSON, "serve", str(port)], stderr=subprocess.PIPE, text=True
    ) as server:
        while server.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.01)
        yield str(port)
        server.send_signal(signal.SIGINT)
        assert server.communicate(timeout=30) == (None, "weft lesson: interrupted\n")
        assert server.returncode == 130


def test_server_and_client_can_be_had_apart(lesson, port: str) -> None:
    assert lesson("09", "client", port) == TWO_SOCKETS
