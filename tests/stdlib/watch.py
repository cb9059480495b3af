"""Runs one test module in child processes until each of its tests has a result.

A child that hangs or dies is ended, the test in hand gets "hang" or "crash", and another child
goes on with what is left.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
# As `make test` of CPython has them, so that a ResourceWarning and a BytesWarning are seen.
FLAGS = ["-u", "-W", "default", "-bb", "-X", "faulthandler"]
# What a stage, or a test of which nothing is known, may take: seconds.
PATIENCE = 60.0
# A test that took N seconds unpatched may take this many more than five times N.
MARGIN = 30.0

Records = dict[str, dict]

# Set when the run is to end early.
stop = threading.Event()


@dataclass
class Order:
    """What is to be run, and how."""

    module: str
    patched: bool
    log: Path
    pattern: str = ""
    seed: int | None = None
    # As by weft run --preempt 10ms.
    preempt: bool = False
    # Ids of the tests that alone are run, all when none; and of those that are not.
    only: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    # What the tests came to unpatched.
    before: Records = field(default_factory=dict)

    def patience(self, name: str) -> float:
        """Seconds that ``name`` may take."""
        known = self.before.get(name)
        return MARGIN + 5 * known["seconds"] if known else PATIENCE

    def hopeless(self) -> list[str]:
        """What hangs or crashes unpatched too."""
        return [name for name, each in self.before.items() if each["outcome"] in ("hang", "crash")]


def run_module(order: Order) -> Records:
    """Run the module to its end: a record for each test, and for each fixture that failed."""
    results: Records = {}
    order.log.parent.mkdir(parents=True, exist_ok=True)
    while True:
        attempt = Attempt(order, [*order.without, *order.hopeless(), *results])
        blamed, outcome, reason = attempt.run()
        results.update(attempt.results)
        if not blamed:
            return results
        again = blamed in results
        results[blamed] = {"outcome": outcome, "reason": reason, "seconds": attempt.in_hand()}
        # What is no test cannot be left out, but for a class with its set-up.
        if again or blamed.startswith(("start ", "import ", "setUpModule ", "exit ")):
            return results


class Attempt:
    """One child, from its start to its end."""

    def __init__(self, order: Order, without: list[str]) -> None:
        self.order = order
        self.without = without
        self.results: Records = {}
        self.stage = f"start of {order.module}"
        self.since = time.monotonic()
        self.finished = False
        self.half = ""

    def run(self) -> tuple[str, str, str]:
        """Run it; what hung or crashed, which of the two, and how; all empty when nothing did."""
        # Short, since the path of a Unix socket lies in it.
        with tempfile.TemporaryDirectory(prefix="w", ignore_cleanup_errors=True) as place:
            records = Path(place, "records")
            records.touch()
            work = Path(place, "work")
            work.mkdir()
            with records.open() as stream, self.order.log.open("ab") as log:
                child = self.start(place, work, records, log)
                try:
                    return self.follow(child, stream)
                finally:
                    end_session(child)

    def start(self, place: str, work: Path, records: Path, log) -> subprocess.Popen:
        wanted = {
            "module": self.order.module,
            "records": str(records),
            "pattern": self.order.pattern,
            "only": self.order.only,
            "without": self.without,
            "preempt": self.order.preempt,
            "seed": self.order.seed,
        }
        mode = "patched" if self.order.patched else "unpatched"
        added = {"PYTHONHASHSEED": "0", "TMPDIR": place}
        return subprocess.Popen(
            [sys.executable, *FLAGS, str(HERE / "child.py"), mode, json.dumps(wanted)],
            cwd=work,
            env={**os.environ, **added},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def follow(self, child: subprocess.Popen, stream) -> tuple[str, str, str]:
        while not stop.wait(0.02):
            status = child.poll()
            self.read(stream)
            if status is not None:
                return self.verdict(status)
            if self.in_hand() > self.order.patience(self.stage):
                look_inside(child)
                return self.stage, "hang", f"no end after {self.in_hand():.0f} s"
        raise KeyboardInterrupt

    def in_hand(self) -> float:
        """Seconds since the present test or stage began."""
        return round(time.monotonic() - self.since, 3)

    def read(self, stream) -> None:
        *lines, self.half = (self.half + stream.read()).split("\n")
        for line in lines:
            record = json.loads(line)
            self.since = time.monotonic()
            match record.pop("event"):
                case "stage" | "start":
                    self.stage = record["id"]
                case "end":
                    self.stage = f"after {record['id']}"
                    self.put_down(record)
                case "finished":
                    self.finished = True
                    self.stage = f"exit of {self.order.module}"

    def put_down(self, record: dict) -> None:
        name = record.pop("id")
        # A suite may hold a test twice; it passes if it does so each time.
        if self.results.get(name, {"outcome": "pass"})["outcome"] == "pass":
            self.results[name] = record

    def verdict(self, status: int) -> tuple[str, str, str]:
        if self.finished and status == 0:
            return "", "", ""
        how = f"died of {signal.Signals(-status).name}" if status < 0 else f"status {status}"
        said = self.order.log.read_text(errors="replace").splitlines()
        return self.stage, "crash", f"{how}; {said[-1] if said else 'nothing said'}"


def look_inside(child: subprocess.Popen) -> None:
    """Have a child that hangs write to its log where its tasks and threads are."""
    for number, seconds in ((signal.SIGUSR1, 1), (signal.SIGABRT, 3)):
        child.send_signal(number)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        return


def end_session(child: subprocess.Popen) -> None:
    """End the child and what it left running: all that is of the session it leads."""
    for pid in session(child.pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    child.wait()


def session(leader: int) -> list[int]:
    """The processes of a session; it outlives its leader as long as one of them does."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            continue
        if entry.name.isdigit() and int(words[3]) == leader:
            found.append(int(entry.name))
    return found
