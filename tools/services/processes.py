"""Processes told apart from others that later got their number, and ended with all they started."""

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

# What a process is known by: its number, and when the kernel started it.
Processes = dict[int, str]


def born(pid: int) -> str | None:
    """When ``pid`` was started, in words to be compared only; None when it is dead or a zombie."""
    try:
        # The name in brackets may hold anything, spaces and brackets too.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else f"{boot} {fields[19]}"


def alive(processes: Processes) -> Processes:
    """Those of ``processes`` that still run."""
    return {pid: birth for pid, birth in processes.items() if born(pid) == birth}


def family(pid: int) -> Processes:
    """``pid`` and all that descend from it, as far as they run."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            children.setdefault(parent(int(entry.name)), []).append(int(entry.name))
    found, todo = {}, [pid]
    while todo:
        each = todo.pop()
        birth = born(each)
        if birth:
            found[each] = birth
            todo += children.get(each, [])
    return found


def parent(pid: int) -> int:
    """The parent's number, 0 when ``pid`` is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def send(processes: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to each of ``processes`` that is still there."""
    for pid in processes:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def kill(processes: Processes) -> Processes:
    """SIGKILL ``processes`` and all that descend from them; wait until they are gone.

    Each is stopped before its children are looked for, so that none is born meanwhile.

    Returns:
      All that were killed.
    """
    found: Processes = {}
    new = alive(processes)
    while new:
        send(new, signal.SIGSTOP)
        found |= new
        grown: Processes = {}
        for pid in found:
            grown |= family(pid)
        new = {pid: birth for pid, birth in grown.items() if pid not in found}
    send(found, signal.SIGKILL)
    wait_for_end(found, 10)
    return found


def wait_for_end(processes: Processes, seconds: float) -> bool:
    """Wait until none of ``processes`` runs; say whether that came true in time."""
    deadline = time.monotonic() + seconds
    while alive(processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
