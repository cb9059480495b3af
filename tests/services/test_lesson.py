"""``weft lesson`` with servers of its own: there while the chapter runs, gone whatever ends it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import lesson_pages
import pytest

from weft.cli._chapters import chapters

CHAPTER = '''"""A chapter that needs servers
需要服务器的一章

Run: weft run examples/lesson/99_needy.py
Needs: redis, memcached
"""
import os, socket, sys, time
for variable in ("WEFT_REDIS_URL", "WEFT_MEMCACHED_URL"):
    host, port = os.environ[variable].partition("://")[2].partition("/")[0].split(":")
    socket.create_connection((host, int(port))).close()
    print(port, flush=True)
{rest}
'''
PROGRAM = """
import pathlib, sys
from weft.cli import _chapters, lesson
_chapters.PLACE = pathlib.Path({place!r})
sys.exit(lesson.main(["99"]))
"""
STARTED = "-- starting redis, memcached\n"
STOPPED = "-- stopped redis\n-- stopped memcached\n"


@pytest.fixture
def start(tmp_path: Path, redis_server, memcached):
    """Start a chapter that ends with ``rest``. That other servers run already is no matter."""
    children: list[subprocess.Popen[str]] = []

    def begin(rest: str) -> "subprocess.Popen[str]":
        (tmp_path / "99_needy.py").write_text(CHAPTER.format(rest=rest))
        environment = {k: v for k, v in os.environ.items() if not k.startswith("WEFT_")}
        children.append(
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM.format(place=str(tmp_path))],
                env={**environment, "TMPDIR": str(tmp_path)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        return children[-1]

    yield begin
    for child in children:
        with child:
            child.kill()


def ports(child: "subprocess.Popen[str]") -> list[int]:
    return [int(child.stdout.readline()) for _ in range(2)]


def nothing_listens(ports: list[int]) -> bool:
    with socket.socket() as probe:
        return all(probe.connect_ex(("127.0.0.1", port)) for port in ports)


def test_they_are_private_and_thrown_away(start, tmp_path, redis_server) -> None:
    child = start("print('over')")
    found = ports(child)
    assert redis_server.port not in found
    assert child.stdout.read() == "over\n"
    assert child.communicate(timeout=60)[1] == STARTED + STOPPED
    assert child.returncode == 0
    assert nothing_listens(found)
    assert list(tmp_path.glob("weft-services-*")) == []


def test_ctrl_c_ends_them(start, tmp_path) -> None:
    child = start("time.sleep(3600)")
    found = ports(child)
    os.killpg(child.pid, signal.SIGINT)
    _, stderr = child.communicate(timeout=60)
    assert sorted(stderr.splitlines()) == sorted(
        (STARTED + STOPPED + "weft lesson: interrupted\n").splitlines()
    )
    assert child.returncode == 130
    assert nothing_listens(found)
    assert list(tmp_path.glob("weft-services-*")) == []


def test_a_failure_of_the_chapter_ends_them(start) -> None:
    child = start("raise ValueError('no more baozi')")
    found = ports(child)
    _, stderr = child.communicate(timeout=60)
    assert stderr.endswith("ValueError: no more baozi\n")
    assert child.returncode == 1
    assert nothing_listens(found)


def test_even_sigkill_ends_them(start) -> None:
    child = start("time.sleep(3600)")
    found = ports(child)
    child.kill()
    # The end of their keeper's stderr, that is.
    assert child.communicate(timeout=60)[1] == STARTED + STOPPED
    assert nothing_listens(found)


# -- the pages -----------------------------------------------------------------------------

FIXTURES = {"redis": "redis_server"}  # the others are called like their server


@pytest.mark.parametrize(
    "chapter",
    [each for each in chapters() if each.needs or each.packages],
    ids=lambda each: each.path.stem,
)
def test_the_pages_show_what_is_printed(chapter, request, run_python) -> None:
    servers = [request.getfixturevalue(FIXTURES.get(name, name)) for name in chapter.needs]
    variables = {k: v for server in servers for k, v in server.environment().items()}
    name = chapter.path.stem
    done = run_python("-m", "weft", "lesson", name, env={**os.environ, **variables})
    assert (done.returncode, done.stderr) == (0, "")
    assert lesson_pages.without_numbers(done.stdout.rstrip("\n")) == (
        lesson_pages.without_numbers(lesson_pages.shown()[name])
    ), f"it prints something else than the pages show: run tools/lesson_pages.py {name}"
