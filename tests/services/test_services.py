"""tools/services: each server starts, is found again, survives a kill, and leaves nothing."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from services import SERVICES, MissingProgram, Service, ServiceError, packages, ports, processes

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def private(tmp_path: Path) -> Iterator[type[Service]]:
    """A Redis apart from the session's, in ``tmp_path``; what is left of it is stopped."""

    class Private(SERVICES["redis"]):
        def __init__(self) -> None:
            super().__init__(tmp_path)

    yield Private
    Private().stop()


@pytest.mark.parametrize("name", SERVICES)
def test_each_is_found_again_and_comes_back_after_a_kill(
    request: pytest.FixtureRequest, name: str
) -> None:
    service = request.getfixturevalue({"redis": "redis_server"}.get(name, name))
    again = SERVICES[name]()
    assert again.running
    assert (again.port, again.url) == (service.port, service.url)
    first = set(service._processes)
    again.kill()
    assert not service.running and not again.answers()
    again.start()
    assert again.answers() and again.port == service.port
    assert not first & set(again._processes)
    again.restart()
    assert service.running


def test_programs_find_them_in_both_ways(mariadb: Service, redis_server: Service, run, way) -> None:
    lines = run(way, "ping_all.py")
    assert {"WEFT_MYSQL_URL", "WEFT_REDIS_URL"} <= set(lines[0].split())
    assert lines[1] == "_MainThread weft.socket"


def test_stopped_leaves_nothing(private: type[Service], tmp_path: Path) -> None:
    service = private()
    service.start()
    port, started = service.port, dict(service._processes)
    assert processes.alive(started)
    service.stop()
    assert not processes.alive(started)
    assert ports.is_free(port)
    assert left(tmp_path) == ["redis.lock", "redis.log"]


def test_a_crash_before_is_cleared_away(
    private: type[Service], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    private().start()
    state = tmp_path / "redis" / "state.json"
    written = json.loads(state.read_text())
    private().kill()
    # The number has gone to somebody else since: to us.
    state.write_text(json.dumps({**written, "processes": {str(os.getpid()): "long ago"}}))
    service = private()
    assert not service.running
    service.start()
    assert service.answers()
    assert f"redis: process {os.getpid()} is gone; starting afresh" in capsys.readouterr().err


def test_a_port_that_is_taken_at_once_is_changed(
    private: type[Service], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        first = taken.getsockname()[1]
        choices = iter([first, ports.free_port()])
        monkeypatch.setattr(ports, "free_port", lambda: next(choices))
        service = private()
        service.start()
    assert service.port != first and service.answers()
    assert f"somebody else took port {first}" in capsys.readouterr().err


def test_a_port_that_is_taken_after_a_kill_is_said(private: type[Service]) -> None:
    service = private()
    service.start()
    service.kill()
    with (
        socket.create_server(("127.0.0.1", service.port)),
        pytest.raises(ServiceError, match=f"somebody else has taken port {service.port} meanwhile"),
    ):
        service.start()
    service.start()
    assert service.answers()


def test_one_that_does_not_start_says_why(private: type[Service], tmp_path: Path) -> None:
    class Wrong(private):
        def command(self) -> list[str]:
            return [*super().command(), "--no-such-option", "1"]

    with pytest.raises(ServiceError, match=r"redis ended at once:(.|\n)*no-such-option"):
        Wrong().start()
    assert left(tmp_path) == ["redis.lock", "redis.log"]


def test_one_that_is_not_installed_says_what_to_install(
    private: type[Service], tmp_path: Path
) -> None:
    class Absent(private):
        programs = ("no-such-server",)

    with pytest.raises(MissingProgram, match="apt install redis-server"):
        Absent().start()
    assert packages.missing([Absent, private]) == ["redis-server"]
    assert left(tmp_path) == ["redis.lock"]


def test_missing_packages_are_named_to_who_may_not_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ServiceError, match="apt install memcached redis-server"):
        packages.install(["memcached", "redis-server"])


def test_a_kill_takes_what_it_started_along() -> None:
    script = "sh -c 'sleep 1000 & echo $!; wait' & wait"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE) as process:
        sleeper = int(process.stdout.readline())
        assert sleeper in processes.family(process.pid)
        killed = processes.kill({process.pid: processes.born(process.pid)})
    assert len(killed) == 3 and not processes.alive(killed)
    assert processes.born(sleeper) is None


def test_ctrl_c_while_they_start_leaves_nothing(tools: Path) -> None:
    with tool(tools, "start", "rabbitmq", "redis") as process:
        wait_for(lambda: (tools / "build/services/rabbitmq/state.json").exists(), process)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert stderr.endswith("-- nothing that was started here is left running\n-- interrupted\n")
    assert left(tools / "build/services") == [
        f"{name}.{kind}" for name in ("rabbitmq", "redis") for kind in ("lock", "log")
    ]


def test_the_command_starts_reuses_and_stops(tools: Path) -> None:
    first, second = (finish(tool(tools, "start", "redis", "memcached")) for _ in range(2))
    assert first == second
    assert [line.partition("=")[0] for line in first] == [
        "export WEFT_REDIS_URL",
        "export WEFT_MEMCACHED_URL",
    ]
    status = finish(tool(tools, "status"))
    assert [line.split()[0] for line in status] == list(SERVICES)
    assert sum(line.endswith(" not running") for line in status) == 4
    finish(tool(tools, "stop"))
    assert all(line.endswith(" not running") for line in finish(tool(tools, "status")))


def test_the_command_knows_its_names(tools: Path) -> None:
    with tool(tools, "start", "oracle") as process:
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "no such service: oracle; there are rabbitmq, mariadb" in stderr


@pytest.fixture
def tools(tmp_path: Path) -> Iterator[Path]:
    """A project of its own, with nothing but tools/services, so that the command is alone there."""
    shutil.copytree(ROOT / "tools/services", tmp_path / "tools/services")
    yield tmp_path
    finish(tool(tmp_path, "stop"))


def tool(root: Path, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, root / "tools/services", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, **pipes)


def finish(process: "subprocess.Popen[str]") -> list[str]:
    with process:
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    return stdout.splitlines()


def wait_for(true: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    while not true():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def left(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())
