"""Chapter 15 with hosts of its own: at once, by key and password, through one another."""

import os
import re
import signal
import subprocess
import sys

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


def test_ctrl_c_in_the_middle_ends_the_hosts_too() -> None:
    command = [sys.executable, "-m", "weft", "lesson", "15"]
    pipe, environment = subprocess.PIPE, {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env=environment, start_new_session=True
    ) as chapter:
        try:
            for line in chapter.stdout:
                if line == "-- a command on four hosts\n":
                    os.killpg(chapter.pid, signal.SIGINT)
            # The end of the output is the end of the hosts as well: they share stderr.
            _, stderr = chapter.communicate(timeout=60)
        finally:
            chapter.kill()
    assert (chapter.returncode, stderr) == (130, "weft lesson: interrupted\n")
