"""HTTP clients fetch pages together, in one OS thread, and what goes wrong they tell as ever."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CA = str(HERE.parent / "certs" / "ca.pem")
# What the libraries call it when nobody listens, and when no answer comes in time.
FAILURES = {
    "requests": ("ConnectionError", "ReadTimeout"),
    "urllib3": ("NewConnectionError", "ReadTimeoutError"),
    "httpx": ("ConnectError", "ReadTimeout"),
    "aiohttp": ("ClientConnectorError", "TimeoutError"),
    "urllib": ("ConnectionRefusedError", "TimeoutError"),
}
LATE = """
import sys
import {library}, ssl, socket, threading
import weft.patch
weft.patch.all()
import runpy
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def nobody() -> Iterator[str]:
    """A URL where nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/"


@pytest.mark.parametrize("library", ["requests", "httpx", "aiohttp", "urllib"])
def test_pages_are_fetched_together(library, web, both) -> None:
    def words(meeting) -> list[str]:
        servers = [web(meeting), web(meeting, tls=True)]
        urls = [f"{server.url}/meet/{n}" for n in range(10) for server in servers]
        return [f"fetch_{library}.py", "--ca", CA, *urls]

    assert both(words, 20) == (["200 met all"] * 20, [1])


def test_threads_share_the_connections_of_a_pool(web, both) -> None:
    """Twenty threads, five connections to each of two servers; no slot gets lost."""
    servers = []

    def words(meeting) -> list[str]:
        servers[:] = web(meeting), web(meeting, tls=True)
        urls = [f"{server.url}/meet/{n}" for n in range(10) for server in servers]
        return ["fetch_urllib3.py", "--ca", CA, *urls]

    assert both(words, 10) == (["200 met all"] * 20, [1, 1])
    assert [server.connections for server in servers] == [5, 5]


@pytest.mark.parametrize("library", FAILURES)
def test_failures_are_told_as_ever(library, web, both, nobody) -> None:
    def words(meeting) -> list[str]:
        pages = ("moved", "flaky", "never", "hello")
        urls = [f"{server.url}/{page}" for server in [web(meeting)] for page in pages]
        return [f"fetch_{library}.py", "--timeout", "1", *urls, nobody]

    refused, late = FAILURES[library]
    assert both(words, 1)[0] == ["200 hello", "200 at last", late, "200 hello", refused]


@pytest.mark.parametrize("library", ["requests", "httpx", "aiohttp"])
def test_a_client_imported_before_the_patch_works(library, web, start, finish, meet) -> None:
    """boto3#4061, gevent#1016: patched after its import, ssl called itself without end."""
    meeting = meet(5)
    urls = [f"{web(meeting, tls=True).url}/meet/{n}" for n in range(5)]
    program = [str(HERE / f"fetch_{library}.py"), "--ca", CA, *urls]
    running = start("python", "-c", LATE.format(library=library), *program)
    meeting.watch(running.pid, "python")
    assert finish(running) == ["200 met all"] * 5
    assert meeting.threads == [1]
