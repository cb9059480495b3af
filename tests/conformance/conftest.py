"""The pollers' common suite: each test runs once on each, in an OS thread and hub of its own."""

import os
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

import weft
from weft import lowlevel


@pytest.fixture(params=["epoll", "poll", "select"], autouse=True)
def poller(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The poller of the hub that this test makes."""
    monkeypatch.setenv("WEFT_POLLER", request.param)
    return request.param


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool:
    """Run the test in a new thread: a hub chooses its poller when it is made."""
    wanted = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    failures: list[BaseException] = []

    def run() -> None:
        try:
            assert lowlevel.statistics()["poller"] == pyfuncitem.funcargs["poller"]
            pyfuncitem.obj(**wanted)
            settle()
            left = lowlevel.statistics()
            assert (left["tasks"], left["timers"], left["descriptors"]) == (0, 0, 0)
        except BaseException as exc:
            failures.append(exc)

    files = sorted(os.listdir("/proc/self/fd"))
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    pyfuncitem.funcargs["opened"].close()
    assert sorted(os.listdir("/proc/self/fd")) <= files
    return True


def settle() -> None:
    for _ in range(3):
        weft.sleep(1e-6)


@pytest.fixture(autouse=True)
def opened() -> Iterator[ExitStack]:
    """Closes what the test opened."""
    with ExitStack() as stack:
        yield stack


def close_quietly(fd: int) -> None:
    """Tests close descriptors themselves, too."""
    try:
        os.close(fd)
    except OSError:
        pass


@pytest.fixture
def pipe(opened: ExitStack) -> Callable[[], tuple[int, int]]:
    """Make a non-blocking pipe: (reader, writer)."""

    def make() -> tuple[int, int]:
        ends = os.pipe()
        for end in ends:
            os.set_blocking(end, False)
            opened.callback(close_quietly, end)
        return ends

    return make


@pytest.fixture
def pair(opened: ExitStack) -> Callable[..., tuple[socket.socket, socket.socket]]:
    """Make two connected, non-blocking sockets."""

    def make(family: int = socket.AF_UNIX) -> tuple[socket.socket, socket.socket]:
        if family == socket.AF_UNIX:
            ends = socket.socketpair()
        else:
            with socket.create_server(("127.0.0.1", 0)) as server:
                client = socket.create_connection(server.getsockname())
                ends = (client, server.accept()[0])
        for end in ends:
            end.setblocking(False)
            opened.enter_context(end)
        return ends

    return make


@pytest.fixture
def parked() -> Callable[..., weft.Task]:
    """Spawn a task and let it run until it waits."""

    def spawn(fn: Callable[..., object], *args: object, **keywords: object) -> weft.Task:
        task = weft.spawn(fn, *args, **keywords)
        weft.checkpoint()
        assert task.state == "parked"
        return task

    return spawn


@pytest.fixture
def many_files() -> Iterator[int]:
    """Allow as many open files as may be: how many those are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def fill(fd: int) -> int:
    """Write until it would block; how many bytes that took."""
    written = 0
    try:
        while True:
            written += os.write(fd, bytes(65536))
    except BlockingIOError:
        return written


def drain(fd: int) -> int:
    """Read until it would block; how many bytes there were."""
    count = 0
    try:
        while got := len(os.read(fd, 65536)):
            count += got
    except BlockingIOError:
        pass
    return count


@pytest.fixture(name="fill")
def fill_fixture() -> Callable[[int], int]:
    return fill


@pytest.fixture(name="drain")
def drain_fixture() -> Callable[[int], int]:
    return drain


class Elsewhere:
    """A call in the main task of another OS thread."""

    def __init__(self, fn: Callable[..., object], args: tuple[object, ...]) -> None:
        self.main: weft.Task | None = None
        self.thread = ThreadPoolExecutor(1)
        self.outcome = self.thread.submit(self.run, fn, args)

    def run(self, fn: Callable[..., object], args: tuple[object, ...]) -> object:
        self.main = weft.current()
        return fn(*args)

    def wait_kind(self) -> str | None:
        return self.main.wait_kind if self.main else None

    def result(self) -> object:
        """What it returned; the calling hub goes on meanwhile."""
        while not self.outcome.done():
            weft.sleep(1e-5)
        self.thread.shutdown()
        return self.outcome.result()


@pytest.fixture
def in_thread() -> Callable[..., Elsewhere]:
    return lambda fn, *args: Elsewhere(fn, args)
