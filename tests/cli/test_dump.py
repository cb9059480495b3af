"""SIGUSR1 under ``weft run``: what the program's tasks do, on its stderr."""

import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Start]:
    """Start a program under weft, and wait until it has printed a line."""
    running: list[subprocess.Popen[str]] = []

    def start(source: str) -> "subprocess.Popen[str]":
        (tmp_path / "app.py").write_text(textwrap.dedent(source))
        command = [sys.executable, "-u", "-m", "weft", "run", "app.py"]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        process = subprocess.Popen(command, cwd=tmp_path, text=True, **pipes)
        running.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def dumped(process: "subprocess.Popen[str]") -> list[str]:
    """The paragraphs of what the program says when asked."""
    process.send_signal(signal.SIGUSR1)
    parts = [process.stderr.readline()]
    if not parts[0][0].isdigit():
        pytest.fail(parts[0] + process.stderr.read())
    tasks = int(parts[0].split()[0])
    assert process.stderr.readline() == "\n"
    for _ in range(tasks):
        parts.append("".join(iter(process.stderr.readline, "\n")))
    return parts


def last_paragraph(process: "subprocess.Popen[str]", pattern: str) -> str:
    """The last paragraph of a dump, once it matches: the program has only just printed a line."""
    while True:
        *_, last = dumped(process)
        if re.search(pattern, last):
            return last


WAITING = """
    import threading
    import time

    def work():
        print("ready")
        time.sleep(60)

    threading.Thread(target=work).start()
"""


def test_while_the_hub_sleeps(started: Start) -> None:
    process = started(WAITING)
    last_paragraph(process, r"^'Thread-1 \(work\)': sleeps, ")
    for _ in range(2):
        title, main, thread = dumped(process)
        assert title == "2 tasks in 1 thread\n"
        assert main.startswith("'main': waits for thread 'Thread-1 (work)' to end\n")
        assert thread.startswith("'Thread-1 (work)': sleeps, ")
        assert thread.endswith("\n  > app.py:7 in work: time.sleep(60)\n")


def test_while_a_task_keeps_the_hub_to_itself(started: Start) -> None:
    process = started(
        """
        import threading

        def spin():
            print("ready")
            while True:
                pass

        threading.Thread(target=spin).start()
        """
    )
    spin = last_paragraph(process, r"\n  > app.py:[67] in spin: (while True:|pass)\n$")
    assert spin.startswith("'Thread-1 (spin)': running\n")


def test_the_program_goes_on_after_it(started: Start) -> None:
    process = started("print('ready'); print(input()[::-1])")
    dumped(process)
    output, _ = process.communicate("tfew\n")
    assert (process.returncode, output) == (0, "weft\n")


def test_a_program_that_closed_stderr_does_not_suffer(started: Start) -> None:
    process = started("import os; os.close(2); print('ready'); print(input())")
    process.send_signal(signal.SIGUSR1)
    assert process.communicate("unharmed\n")[0] == "unharmed\n"


def test_the_help_speaks_of_it(run_python) -> None:
    assert "SIGUSR1" in run_python("-m", "weft", "run", "--help").stdout


def test_a_handler_of_the_programs_own_stands(started: Start) -> None:
    process = started(
        """
        import signal
        signal.signal(signal.SIGUSR1, lambda *_: print("mine"))
        print("ready")
        input()
        """
    )
    process.send_signal(signal.SIGUSR1)
    assert process.stdout.readline() == "mine\n"
    assert process.communicate("\n")[1] == ""


def test_a_signal_that_is_ignored_stays_so(run_python, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import signal; print(signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN)"
    )
    ignore = "import signal, os, sys; signal.signal(signal.SIGUSR1, signal.SIG_IGN);"
    run = "os.execv(sys.executable, [sys.executable, '-m', 'weft', 'run', 'app.py'])"
    assert run_python("-c", ignore + run).stdout == "True\n"
