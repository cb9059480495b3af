"""Chapter 15 with hosts of its own: at once, by key and password, through one another."""

import re

import pytest


@pytest.fixture(autouse=True)
def no_other_server(monkeypatch) -> None:
    monkeypatch.delenv("WEFT_SSH_URL", raising=False)


def test_commands_on_all_hosts_run_at_once(lesson) -> None:
    lines = lesson("15")
    assert lines[0] == "the hosts: four servers of 15_sshd"
    assert lines[2:6] == [
        f"I am {name}, exit status {status}"
        for status, name in enumerate(["ann", "bo", "chen", "dora"])
    ]
    # Four times, if nobody else uses the machine.
    assert float(re.search(r"(\d+\.\d+) times as fast", lines[6])[1]) > 1.5


def test_a_wrong_password_does_not_let_in(lesson) -> None:
    assert lesson("15")[8:10] == ["the wrong password: refused", "the right password: let in"]


def test_files_come_back_as_they_were(lesson) -> None:
    assert lesson("15")[11:15] == [
        f"{name}: {len(name) * 50_000} bytes up, the same down: True"
        for name in ("ann", "bo", "chen", "dora")
    ]


def test_what_goes_through_a_jump_host_ends_with_it(lesson) -> None:
    assert lesson("15")[16:] == [
        "dora, through ann: hello 0",
        "without ann still connected: False",
    ]


def test_the_server_has_a_task_a_client_and_no_thread(lesson) -> None:
    heard, threads = lesson("15_sshd")
    assert heard == "20 clients at once heard {'hello'}"
    assert int(threads.split()[-1]) < 10
