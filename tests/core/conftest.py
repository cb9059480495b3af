"""What the core's tests share: nothing may be left, programs, and how much to hammer."""

import gc
import os
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import weft
from weft import lowlevel
from weft._core import _task

# Full: the million wake-ups and tasks that the core is promised to bear. Else a tenth.
FULL = os.environ.get("WEFT_HAMMER") == "full"


@pytest.fixture
def hammer() -> Callable[[int], int]:
    """How often to do what is done ``full`` times when ``WEFT_HAMMER=full``."""
    return lambda full: full if FULL else full // 10


def counts() -> dict[str, int]:
    """What a test must leave as it was: of this thread's hub, of the process."""
    found = {name: n for name, n in lowlevel.statistics().items() if isinstance(n, int)}
    del found["passes"]
    found["tasks of the process"] = len(lowlevel.tasks())
    found["task objects"] = _task.live_objects() or 0  # only the debug build counts them
    found["open files"] = len(os.listdir("/proc/self/fd"))
    return found


def settle() -> None:
    """Let the hub do its chores, whose tasks are named weft-something, and what is then ready."""
    for _ in range(4):
        weft.sleep(1e-6)
    while any(task.name.startswith("weft-") for task in lowlevel.tasks()):
        weft.sleep(1e-6)
    if _task.live_objects() is not None:
        gc.collect()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "leaves_tasks: of a thread that ended, which stay for ever")


@pytest.fixture(autouse=True)
def nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tasks, timers, registrations and files are as many after a test as before it."""
    settle()
    before = counts()
    yield
    settle()
    if request.node.get_closest_marker("leaves_tasks"):
        before["task objects"] = counts()["task objects"]
    if counts() != before:
        gc.collect()
        settle()
    assert counts() == before


Program = Callable[..., str]


@pytest.fixture
def program(run_python) -> Program:
    """Run a program in a process of its own and return what it printed.

    It must end with ``status`` and write nothing to stderr but what contains
    ``complaint``. Keywords are set in its environment.
    """

    def run(source: str, status: int = 0, complaint: str = "", **environment: str) -> str:
        source = textwrap.dedent(source)
        done = run_python("-X", "faulthandler", "-c", source, env={**os.environ, **environment})
        assert done.returncode == status, done.stdout + done.stderr
        if complaint is None:
            return done.stdout
        if complaint:
            assert complaint in done.stderr
        else:
            assert done.stderr == ""
        return done.stdout

    return run


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """What destructors raise while the test runs."""
    raised: list[BaseException] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda seen: raised.append(seen.exc_value))
    return raised


@pytest.fixture
def in_thread() -> Callable[..., object]:
    """Call a function in a new OS thread, wait for it in the OS, return or raise what it did."""

    def call(fn: Callable[..., object], *args: object, name: str | None = None) -> object:
        with ThreadPoolExecutor(1, initializer=rename, initargs=(name,)) as pool:
            return pool.submit(fn, *args).result()

    def rename(name: str | None) -> None:
        threading.current_thread().name = name or threading.current_thread().name

    return call
