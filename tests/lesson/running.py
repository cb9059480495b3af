"""A lesson that runs in a process of its own, and Ctrl-C for it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def family(group: int) -> list[str]:
    """The processes of a session that still run."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, session = (place / "stat").read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(session) == group and state != "Z":
            found.append((place / "cmdline").read_text())
    return found


def interrupt(child: "subprocess.Popen[str]") -> None:
    """Ctrl-C as a terminal's; it must end with a line, and leave no process."""
    os.killpg(child.pid, signal.SIGINT)
    _, stderr = child.communicate(timeout=60)
    assert (child.returncode, stderr) == (130, "weft lesson: interrupted\n")
    wait_until(lambda: not family(child.pid))


def wait_until(true: Callable[[], object]) -> object:
    """What ``true`` gives as soon as it gives anything."""
    deadline = time.monotonic() + 60
    while not (found := true()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def children(process: int) -> list[str]:
    """What it has started and not yet collected."""
    return Path(f"/proc/{process}/task/{process}/children").read_text().split()
