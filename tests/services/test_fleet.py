"""examples/fleet, by the commands of its README: embedded, and on real servers."""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pika
import pytest

FLEET = Path(__file__).resolve().parents[2] / "examples" / "fleet"
PATIENCE = 60
SERVERS = {
    "FLEET_MYSQL_URL": "mariadb",
    "FLEET_AMQP_URL": "rabbitmq",
    "FLEET_REDIS_URL": "redis_server",
    "FLEET_MEMCACHED_URL": "memcached",
    "FLEET_SSH_URL": "sshd",
}
NAMES = "abcdefghijklmnopqrst"


class Fleet:
    """The commands of fleet, in a directory of their own.

    Hosts that run ``self.held`` write a line to the file ``ran`` and wait until ``gate`` is there.
    """

    def __init__(self, start: Callable, finish: Callable, home: Path, env: dict[str, str]) -> None:
        self.start, self.finish, self.home, self.env = start, finish, home, env
        self.key: list[object] = []  # options of a worker
        self.gate = home / "gate"
        self.ran = home / "ran"
        self.held = f"echo run >> {self.ran}; while [ ! -e {self.gate} ]; do sleep 0.05; done"

    # Not by `weft run`: on a machine that is busy otherwise it may warn of a stall.
    def begin(self, *words: object, way: str = "all") -> "subprocess.Popen[str]":
        return self.start(way, str(FLEET), *words, env=self.env)

    def __call__(self, *words: object, way: str = "all") -> list[str]:
        """Run a command; it must succeed."""
        return self.finish(self.begin(*words, way=way))

    def worker(self, *words: object) -> "subprocess.Popen[str]":
        """A worker that is ready."""
        process = self.begin("worker", *self.key, *words)
        assert process.stdout.readline().startswith("working on"), process.stderr.read()
        return process

    def queue(self, command: str, hosts: str) -> int:
        """The number of a new job."""
        [line] = self("run", command, "--hosts", ",".join(hosts))
        return int(re.fullmatch(r"job (\d+): \d+ hosts queued", line)[1])

    def wait_for_runs(self, count: int) -> None:
        """Wait until so many commands have begun."""
        deadline = time.monotonic() + PATIENCE
        while self.runs() < count:
            assert time.monotonic() < deadline, f"{self.runs()} of {count} commands begun"
            time.sleep(0.05)

    def runs(self) -> int:
        return len(self.ran.read_text().splitlines()) if self.ran.exists() else 0

    def done(self, job: int) -> list[str]:
        """Wait until a job is done: the names of its hosts, one for each result there is."""
        bar, *results = self("watch", job)
        assert f"{len(results)} ok" in bar, (bar, results)
        return sorted(line.partition(":")[0] for line in results)

    def record(self, job: int, host: str, output: str) -> None:
        """Put a result into the database, as a worker does."""
        script = (
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "from fleet.services import Services; from fleet.jobs import Result\n"
            "Services().store.record(Result(int(sys.argv[2]), sys.argv[3], 0, 0.0, sys.argv[4]))"
        )
        subprocess.run(
            [sys.executable, "-c", script, str(FLEET.parent), str(job), host, output],
            env={**os.environ, **self.env},
            cwd=self.home,
            check=True,
        )

    def tasks_waiting(self) -> int:
        """How many tasks no worker has."""
        if self.env:
            with self.channel() as channel:
                return channel.queue_declare("fleet", passive=True).method.message_count
        with closing(sqlite3.connect(self.home / "fleet.db")) as connection:
            sql = "SELECT count(*) FROM queue WHERE coalesce(leased_until, 0) < ?"
            return connection.execute(sql, [time.time()]).fetchone()[0]

    @contextmanager
    def channel(self) -> Iterator[pika.adapters.blocking_connection.BlockingChannel]:
        parameters = pika.URLParameters(self.env["FLEET_AMQP_URL"])
        with pika.BlockingConnection(parameters) as connection:
            yield connection.channel()

    def ask(self, port: int, line: str) -> str:
        with socket.create_connection(("127.0.0.1", port), 10) as sock, sock.makefile("rw") as file:
            file.write(f"{line}\n")
            file.flush()
            return file.readline().rstrip()


@pytest.fixture(params=["embedded", "servers"])
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def fleet(mode, start, finish, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    made = Fleet(start, finish, tmp_path, {})
    if mode == "servers":
        servers = {name: request.getfixturevalue(name) for name in SERVERS.values()}
        made.env = {variable: servers[name].url for variable, name in SERVERS.items()}
        made.key = ["--key", servers["sshd"].key]
        (tmp_path / ".ssh").mkdir()
        (tmp_path / ".ssh" / "known_hosts").write_text(servers["sshd"].known_hosts.read_text())
        with made.channel() as channel:
            channel.queue_delete("fleet")
    yield made
    made.gate.touch()  # whatever came of it: no host waits for ever


@pytest.fixture
def embedded(start, finish, tmp_path: Path) -> Iterator[Fleet]:
    made = Fleet(start, finish, tmp_path, {})
    yield made
    made.gate.touch()


def end(worker: "subprocess.Popen[str]") -> list[str]:
    """Press Ctrl-C; the lines it has printed. It leaves in peace."""
    worker.send_signal(signal.SIGINT)
    stdout, stderr = worker.communicate(timeout=PATIENCE)
    assert (worker.returncode, stderr) == (0, ""), stdout + stderr
    return stdout.splitlines()


def test_the_readme_in_two_shells(fleet, way) -> None:
    (fleet.home / "hosts.txt").write_text("# the web's\nweb1\n\nWeb2  # in Rome\nweb3\n")
    worker = fleet.worker("--limit", 2, "--timeout", 30)
    first, bar, *results = fleet("run", "echo hello; sort", "--file", "hosts.txt", "--wait")
    job = re.fullmatch(r"job (\d+): 3 hosts queued", first)[1]
    assert re.fullmatch(rf"job {job}: 3 ok .* 3/3 .*", bar)
    hello = [rf"web{number}: exit 0 in \d+\.\d\d s  hello" for number in (1, 2, 3)]
    assert all(map(re.fullmatch, hello, results)), results
    assert fleet("status", job, way=way)[1:] == results

    head, *rest = fleet("status", job, "WEB1")
    assert re.fullmatch(r"web1: exit 0 in .* s  \(Linux .*\)", head)
    assert rest == ["$ echo hello; sort", "hello"]

    server = fleet.begin("serve", "--port", 0, way=way)
    port = int(server.stdout.readline().rpartition(":")[2])
    answer = f"job={job} hosts=3 ok=3 failed=0 running=0 queued=0"
    assert fleet.ask(port, f"status {job}") == answer
    assert fleet.ask(port, "status 987654") == "error: there is no job 987654"
    assert fleet.ask(port, "stat") == "error: write status and the number of a job"
    assert end(server) == []
    *lines, last = end(worker)
    assert len(lines) == 3
    assert last == "no more tasks; what is under way is finished"


def test_a_command_that_fails_is_a_result(fleet) -> None:
    worker = fleet.worker()
    process = fleet.begin("run", "echo oh >&2; exit 3", "--hosts", "a,b", "--wait")
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stderr) == (1, "")
    _, bar, *results = stdout.splitlines()
    assert "2 failed" in bar
    assert [line[:9] + line[-4:] for line in results] == ["a: exit 3  oh", "b: exit 3  oh"]
    end(worker)


def test_a_killed_worker_loses_nothing_and_doubles_nothing(fleet) -> None:
    job = fleet.queue(fleet.held, NAMES)
    busy = fleet.worker("--limit", 15)
    fleet.wait_for_runs(15)
    doomed = fleet.worker("--limit", 5)
    fleet.wait_for_runs(20)
    doomed.kill()
    heir = fleet.worker("--limit", 30)
    # What the killed one had begun is begun again; what the busy one has, however long, is his.
    fleet.wait_for_runs(25)
    fleet.gate.touch()
    assert fleet.done(job) == list(NAMES)
    assert len(end(busy)) == 1 + 15
    assert len(end(heir)) == 1 + 5
    assert fleet.runs() == 25
    assert fleet.tasks_waiting() == 0


def test_killed_between_recording_and_acknowledging(fleet) -> None:
    """The task comes again, and is not run again."""
    job = fleet.queue(fleet.held, "abc")
    fleet.gate.touch()
    fleet.record(job, "b", "earlier")
    worker = fleet.worker()
    assert fleet.done(job) == list("abc")
    assert fleet.runs() == 2
    assert fleet("status", job, "b")[2] == "earlier"
    end(worker)
    assert fleet.tasks_waiting() == 0


def test_ctrl_c_finishes_what_is_under_way(fleet) -> None:
    job = fleet.queue(fleet.held, NAMES[:8])
    worker = fleet.worker("--limit", 3)
    fleet.wait_for_runs(3)
    worker.send_signal(signal.SIGINT)
    assert worker.stdout.readline().startswith("no more tasks")
    fleet.gate.touch()
    stdout, stderr = worker.communicate(timeout=PATIENCE)
    assert (worker.returncode, len(stdout.splitlines()), stderr) == (0, 3, "")
    other = fleet.worker()
    assert fleet.done(job) == list(NAMES[:8])
    assert fleet.runs() == 8
    end(other)


def test_a_second_ctrl_c_returns_what_is_under_way(fleet) -> None:
    job = fleet.queue(fleet.held, NAMES[:8])
    worker = fleet.worker("--limit", 3)
    fleet.wait_for_runs(3)
    worker.send_signal(signal.SIGINT)
    assert worker.stdout.readline().startswith("no more tasks")
    worker.send_signal(signal.SIGINT)
    stdout, stderr = worker.communicate(timeout=PATIENCE)
    assert (worker.returncode, stdout, stderr) == (130, "", "")
    assert fleet.tasks_waiting() == 8
    other = fleet.worker()
    fleet.wait_for_runs(3 + 8)
    fleet.gate.touch()
    assert fleet.done(job) == list(NAMES[:8])
    end(other)


@pytest.mark.parametrize("mode", ["servers"], indirect=True)
def test_all_servers_restart_under_a_worker(fleet, request) -> None:
    """Killed while commands run; the worker waits for each, with what it has."""
    job = fleet.queue(fleet.held, NAMES)
    worker = fleet.worker("--limit", 5)
    fleet.wait_for_runs(5)
    servers = [request.getfixturevalue(name) for name in SERVERS.values() if name != "sshd"]
    for server in servers:
        server.kill()
    fleet.gate.touch()
    # What has ended cannot be recorded, and nothing comes from the broker. Redis is not asked.
    away = {worker.stderr.readline().split()[1] for _ in range(2)}
    assert away == {"RabbitMQ", "MySQL"}
    for server in servers:
        server.start()
    assert fleet.done(job) == list(NAMES)
    worker.send_signal(signal.SIGINT)
    _, stderr = worker.communicate(timeout=PATIENCE)
    assert worker.returncode == 0
    assert {line.split()[1] for line in stderr.splitlines() if line.endswith(" is back")} >= away
    assert fleet.tasks_waiting() == 0


@pytest.mark.parametrize("mode", ["servers"], indirect=True)
def test_two_hundred_hosts(fleet, os_threads) -> None:
    names = [f"host{number}" for number in range(200)]
    worker = fleet.worker("--limit", 50)
    began = time.monotonic()
    job = fleet.queue("echo hello", names)
    assert fleet.done(job) == sorted(names)
    seconds = time.monotonic() - began
    status = Path(f"/proc/{worker.pid}/status").read_text()
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1000
    ticks = Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    cpu = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    print(f"200 hosts in {seconds:.1f} s, the worker's CPU {cpu:.1f} s, its memory {peak:.0f} MB")
    assert peak < 120
    assert os_threads(worker.pid) <= 4
    assert len(end(worker)) == 201


@pytest.mark.parametrize("mode", ["servers"], indirect=True)
def test_hosts_that_cannot_be_reached_are_results(fleet) -> None:
    real = fleet.env["FLEET_SSH_URL"].removeprefix("ssh://")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        (fleet.home / "hosts.txt").write_text(
            f"good={real}\nnobody=nosuchuser@{real.partition('@')[2]}\nunknown=no.such.invalid\n"
            f"silent=127.0.0.1:{silent.getsockname()[1]}\nclosed=127.0.0.1:1\n"
        )
        worker = fleet.worker("--timeout", 3)
        process = fleet.begin("run", "true", "--file", "hosts.txt", "--wait")
        stdout, _ = process.communicate(timeout=PATIENCE)
    said = {line.partition(":")[0]: line.partition(" s  ")[2] for line in stdout.splitlines()[2:]}
    assert said["good"] == ""
    assert "refused" in said["closed"] or "Unable to connect" in said["closed"]
    assert "Authentication failed" in said["nobody"]
    assert said["silent"] == "not done after 3 s"
    assert "not known" in said["unknown"]
    assert process.returncode == 1
    end(worker)


WRONG = {
    "run true --file none.txt": "no hosts: [Errno 2] No such file or directory: 'none.txt'",
    "run true --file empty.txt": "empty.txt names no host",
    "run true --file twice.txt": "twice.txt:3: 'A' names that host a second time",
    "run true --hosts a,b=@:x": ("--hosts:2: 'b=@:x' is neither name nor name=user@address:port"),
    "status 7": "there is no job 7",
    "watch 7": "there is no job 7",
    "worker --key empty.txt": "empty.txt is no private key that can be read: ",
}


def test_what_is_wrong_is_said_in_one_line(embedded) -> None:
    (embedded.home / "empty.txt").write_text("# none yet\n")
    (embedded.home / "twice.txt").write_text("a\nb\nA\n")
    job = embedded.queue("true", "a")
    wrong = {**WRONG, f"status {job} b": f"job {job} has no host 'b'"}
    commands = {text: embedded.begin(*words.split()) for words, text in wrong.items()}
    for text, command in commands.items():
        assert says(command)[: len(text)] == text


def says(command: "subprocess.Popen[str]") -> str:
    """The one line with which a command fails."""
    stdout, stderr = command.communicate(timeout=PATIENCE)
    assert (command.returncode, stdout) == (2, ""), stderr
    return re.fullmatch(r"fleet: (.*)\n", stderr)[1]


def test_an_address_that_is_wrong_is_said_in_one_line(embedded) -> None:
    commands = {}
    for variable in SERVERS:
        embedded.env = {variable: "http://nonsense:x"}
        commands[variable] = embedded.begin("worker")
    for variable, command in commands.items():
        assert says(command).startswith(f"{variable} is no URL like ")


def test_a_server_that_refuses_is_said_in_one_line(embedded) -> None:
    commands = []
    for scheme in ("amqp", "mysql", "redis", "memcached"):
        embedded.env = {f"FLEET_{scheme.upper()}_URL": f"{scheme}://127.0.0.1:1"}
        commands.append(embedded.begin("worker"))
    for command in commands:
        assert re.match(r"\w+ at 127\.0\.0\.1:1: .*refused", says(command))
