"""What tests of every part share: programs run in processes of their own."""

import functools
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import weft

# The machine is shared and the core is compiled: a slow example says nothing.
settings.register_profile("weft", deadline=None)
settings.load_profile("weft")

# A shell's background job ignores Ctrl-C, and so would every program started from here.
signal.signal(signal.SIGINT, signal.default_int_handler)

RunPython = Callable[..., "subprocess.CompletedProcess[str]"]
Patched = Callable[..., list[str]]
PATCH = "import weft.patch\nweft.patch.all()\n"


@pytest.fixture
def run_python(tmp_path: Path) -> RunPython:
    """Run ``python words...`` in ``tmp_path`` and return its status, stdout and stderr as text.

    Keywords go to :func:`subprocess.run`. It has two minutes, as every test.
    """

    def run(*words: str, **keywords) -> subprocess.CompletedProcess[str]:
        keywords = {"cwd": tmp_path, "timeout": 120, **keywords}
        command = [sys.executable, *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, **keywords)

    return run


@pytest.fixture
def patched(run_python) -> Patched:
    """Run a program that is patched first; return the lines it printed.

    It must end with ``status`` and write nothing to stderr but what contains ``complaint``.
    """

    def run(source: str, *, before: str = "", status: int = 0, complaint: str = "") -> list[str]:
        program = textwrap.dedent(before) + PATCH + textwrap.dedent(source)
        done = run_python("-X", "faulthandler", "-c", program, timeout=60)
        assert done.returncode == status, done.stdout + done.stderr
        assert complaint in done.stderr if complaint else done.stderr == "", done.stderr
        return done.stdout.splitlines()

    return run


def let_end() -> None:
    for _ in range(4):
        weft.sleep(1e-6)
    while any(task.name.startswith("weft-") for task in weft.tasks()):
        weft.sleep(1e-6)


@pytest.fixture(name="settle")
def give_let_end() -> Callable[[], None]:
    """Let what was cancelled end, and the hub destroy what it left and tell of it."""
    return let_end


@pytest.fixture
def no_task_is_left() -> Iterator[None]:
    """There are as many tasks after the test as before it."""
    let_end()
    before = weft.tasks()
    yield
    let_end()
    assert weft.tasks() == before


@functools.cache
def chapter(*words: str) -> list[str]:
    """What a chapter of the lesson prints; run once, however many tests look."""
    command = [sys.executable, "-m", "weft", "lesson", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.fixture(name="lesson", scope="session")
def give_chapter() -> Callable[..., list[str]]:
    """Run ``weft lesson words...``, which must succeed; return the lines it printed."""
    return chapter


@pytest.fixture
def lesson_started():
    """Start ``weft lesson words...`` in a session of its own; what is left of it is killed."""
    children: list[subprocess.Popen[str]] = []

    def begin(*words: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-u", "-m", "weft", "lesson", *words]
        children.append(
            subprocess.Popen(command, stdout=-1, stderr=-1, text=True, start_new_session=True)
        )
        return children[-1]

    yield begin
    for child in children:
        with child:
            child.kill()
