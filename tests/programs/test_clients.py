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


@pytest.fixture(params=["python", "weft"])
def way(request) -> str:
    return request.param


@pytest.mark.parametrize("library", ["requests", "httpx", "aiohttp", "urllib"])
def test_pages_are_fetched_together(library, way, web, lines, meet) -> None:
    meeting = meet(20)
    servers = [web(meeting), web(meeting, tls=True)]
    urls = [f"{server.url}/meet/{n}" for n in range(10) for server in servers]
    fetched = lines(way, f"fetch_{library}.py", "--ca", CA, *urls, meetings=[meeting])
    assert fetched == ["200 met all"] * 20
    assert way == "python" or meeting.threads == [1]


def test_threads_share_the_connections_of_a_pool(way, web, lines, meet) -> None:
    """Twenty threads, five connections: fifteen wait for one, and no slot gets lost."""
    meetings = [meet(5), meet(5)]
    servers = [web(meetings[0]), web(meetings[1], tls=True)]
    urls = [f"{server.url}/meet/{n}" for n in range(10) for server in servers]
    fetched = lines(way, "fetch_urllib3.py", "--ca", CA, *urls, meetings=meetings)
    assert fetched == ["200 met all"] * 20
    assert [server.connections for server in servers] == [5, 5]
    assert way == "python" or [meeting.threads for meeting in meetings] == [[1, 1], [1, 1]]


@pytest.mark.parametrize("library", FAILURES)
def test_failures_are_told_as_ever(library, web, start, finish, nobody) -> None:
    server = web()
    refused, late = FAILURES[library]
    # Both at once, since both wait for what never comes.
    programs = []
    for way in ("python", "weft"):
        pages = ("moved", f"flaky/{way}", "never", "hello")
        urls = [f"{server.url}/{page}" for page in pages]
        programs.append(start(way, f"fetch_{library}.py", "--timeout", "1", *urls, nobody))
    for program in programs:
        assert finish(program) == ["200 hello", "200 at last", late, "200 hello", refused]


@pytest.mark.parametrize("library", FAILURES)
def test_a_client_imported_before_the_patch_works(library, web, lines, meet) -> None:
    """boto3#4061, gevent#1016: patched after its import, ssl called itself without end."""
    meeting = meet(5)
    urls = [f"{web(meeting, tls=True).url}/meet/{n}" for n in range(5)]
    program = ["-c", LATE.format(library=library), str(HERE / f"fetch_{library}.py")]
    assert lines("python", *program, "--ca", CA, *urls, meetings=[meeting]) == ["200 met all"] * 5
    assert meeting.threads == [1]
