"""Runs one piece of work in this fresh process and prints what it cost, as a line of JSON.

Every engine's file calls :func:`run` with its works by name. The command is

    python work/<engine>_work.py WORK N

Times are CPU seconds of the whole process, user and system, all threads.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable, Mapping

Result = dict[str, float]
Work = Callable[[int], Result]

TASKS = 100  # tasks among which the checkpoints are spread
LONG = 1000.0  # seconds a parked task asks for; the process ends long before


def cpu_per(operations: int, work: Callable[[], object]) -> Result:
    """CPU microseconds of ``work()`` per operation, and its wall time."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    cpu = time.process_time() - cpu
    return {"cpu_us": cpu / operations * 1e6, "wall_s": time.perf_counter() - wall}


def rss() -> int:
    """Resident bytes of this process."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def bytes_per(tasks: int, before: int) -> Result:
    return {"bytes": (rss() - before) / tasks}


def delays(count: int) -> list[float]:
    """The same ``count`` random sleeps below a second for every engine."""
    source = random.Random(20250101)
    return [source.random() for _ in range(count)]


class Early:
    """Counts sleeps that came back before their time, by the clock that the system keeps."""

    def __init__(self) -> None:
        self.count = 0

    def check(self, started: float, seconds: float) -> None:
        if time.monotonic() - started < seconds:
            self.count += 1


def run(works: Mapping[str, Work]) -> None:
    """Do what the command line names, print, and leave without tearing down what still waits."""
    name, count = sys.argv[1], int(sys.argv[2])
    if name not in works:
        print(json.dumps({"absent": f"{sys.argv[0]} has no {name}"}))
    else:
        print(json.dumps(works[name](count)))
    sys.stdout.flush()
    os._exit(0)
