"""The works that need a server: who runs what, and what is said where there is none."""

from dataclasses import replace
from pathlib import Path

import pytest
from harness import services
from harness.environment import Environment
from harness.figures import Figures
from harness.peers import CLIENTS
from harness.processes import pick_cores
from harness.settings import QUICK, SERVICE_WORKS


def test_all_run_one_program_and_weft_runs_it_patched() -> None:
    commands = {client.name: client.command(Path("python")) for client in CLIENTS}
    assert {command[-2].rpartition("/")[2] for command in commands.values()} == {"services_work.py"}
    assert commands["weft"][1:4] == ["-m", "weft", "run"]
    assert commands["gevent"][-1] == "gevent"


def test_each_work_names_a_server_there_is() -> None:
    assert {work.service for work in SERVICE_WORKS.values()} <= set(services.SERVICES)


def test_a_server_that_cannot_be_had_is_noted(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(services, "BUILD", tmp_path)
    monkeypatch.setattr(services.SERVICES["redis"], "programs", ("no-such-server",))
    figures = Figures()
    only_redis = replace(QUICK, only=frozenset({"redis"}))
    services.measure_services(
        figures, Environment(Path("python"), {}, None), pick_cores(), only_redis
    )
    assert figures.works == {}
    assert figures.notes == [
        "redis was not measured: redis: there is no no-such-server; "
        "install it first:  apt install redis-server"
    ]
