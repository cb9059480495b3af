"""Real servers, and real programs that use them, on weft in either way.

Each server is started when a test first asks for it, and stopped after the last one unless it ran
before: `make services` starts them all beforehand. The programs are in ``programs``; they find the
servers in their environment, as ``WEFT_MYSQL_URL`` and so on.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
sys.path[:0] = [
    str(HERE),
    str(HERE.parents[1] / "tools"),
    str(HERE.parent / "docs"),
    str(HERE.parent / "lesson"),
]

from services import SERVICES, MissingProgram, Service  # noqa: E402

#: How a program gets onto weft: ``weft run``, or ``weft.patch.all()`` before its first line.
WAYS = {"run": ["-m", "weft", "run"], "all": [str(HERE / "patched.py")]}
#: Seconds after which a program is taken to hang. All else waits for events.
PATIENCE = 60

Start = Callable[..., "subprocess.Popen[str]"]
Finish = Callable[["subprocess.Popen[str]"], list[str]]
Run = Callable[..., list[str]]

# What the session has, by name.
lent: dict[str, Service] = {}


def lend(name: str) -> Iterator[Service]:
    """Have a server for the rest of the session."""
    service = SERVICES[name]()
    was_running = service.running
    try:
        service.start()
    except MissingProgram as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    lent[name] = service
    yield service
    del lent[name]
    if not was_running:
        service.stop()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Service]:
    """MariaDB; its ``url`` is ``mysql://weft:weft@host:port/weft``."""
    yield from lend("mariadb")


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[Service]:
    """RabbitMQ; its ``url`` is ``amqp://guest:guest@host:port/%2F``."""
    yield from lend("rabbitmq")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Service]:
    """Redis; its ``url`` is ``redis://host:port/0``."""
    yield from lend("redis")


@pytest.fixture(scope="session")
def memcached() -> Iterator[Service]:
    """Memcached; its ``url`` is ``memcached://host:port``."""
    yield from lend("memcached")


@pytest.fixture(scope="session")
def sshd() -> Iterator[Service]:
    """OpenSSH; it has a ``user``, and paths of a ``key`` and of ``known_hosts``, beside ``url``."""
    yield from lend("sshd")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Service]:
    """PostgreSQL; its ``url`` is ``postgresql://weft:weft@host:port/weft``."""
    yield from lend("postgresql")


@pytest.fixture(autouse=True)
def revive() -> None:
    """Start again what a test before this one killed and, having failed, left so."""
    for service in lent.values():
        service.start()


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """Each of the two ways; a test that takes it runs in both."""
    return request.param


@pytest.fixture
def os_threads() -> Callable[[int], int]:
    """How many OS threads a process has now; one more than in itself under ``weft run``."""

    def count(pid: int) -> int:
        status = Path(f"/proc/{pid}/status").read_text()
        return int(re.search(r"^Threads:\s+(\d+)$", status, re.MULTILINE)[1])

    return count


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a program of ``programs``, ``start(way, program, *words)``, its output as text.

    A path takes the place of a name for a program that is elsewhere.

    Keywords go to :class:`subprocess.Popen`; ``env`` adds to its environment. What is left of it
    at the test's end is killed.
    """
    started: list[subprocess.Popen[str]] = []

    def begin(way: str, program: str, *words: object, env=None, **keywords):
        command = [sys.executable, *WAYS[way], str(PROGRAMS / program), *map(str, words)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        variables = {**environment(tmp_path), **(env or {})}
        options = {"cwd": tmp_path, "env": variables, "text": True, **pipes, **keywords}
        started.append(subprocess.Popen(command, **options))
        return started[-1]

    yield begin
    for process in started:
        with process:
            process.kill()


def environment(home: Path) -> dict[str, str]:
    """A program's variables: little of ours, and where the servers are that the session has."""
    found = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(PROGRAMS)}
    for service in lent.values():
        found |= service.environment()
    return found


@pytest.fixture
def finish() -> Finish:
    """Wait for a program's end; return the lines it printed. It must have nothing to complain.

    One that takes longer than ``PATIENCE`` fails the test, under ``weft run`` with every task's
    stack.
    """

    def wait(process: "subprocess.Popen[str]") -> list[str]:
        try:
            stdout, stderr = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGUSR1)
            try:
                stdout, stderr = process.communicate(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                stdout, stderr = process.communicate()
            pytest.fail(f"still running after {PATIENCE} s:\n{stdout}{stderr}")
        assert (process.returncode, stderr) == (0, ""), stdout + stderr
        return stdout.splitlines()

    return wait


@pytest.fixture
def run(start: Start, finish: Finish) -> Run:
    """Run a program of ``programs`` to its end: ``run(way, program, *words)``.

    Returns:
      The lines it printed.
    """

    def to_the_end(way: str, program: str, *words: object, **keywords) -> list[str]:
        return finish(start(way, program, *words, **keywords))

    return to_the_end
