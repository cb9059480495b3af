"""Starts processes on one core and reads what they cost."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from harness.paths import ROOT

START_SECONDS = 20.0  # a server has this long to listen
PAGE = resource.getpagesize()


class Broken(Exception):
    """A measured program failed; the message says how, in one line."""


@dataclass(frozen=True)
class Cores:
    """One core for what is measured, another for what drives it."""

    measured: int
    driver: int


def pick_cores() -> Cores:
    """The first and the last core this process may use; the same one if it has only one."""
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(allowed[0], allowed[-1])


def raise_limits() -> None:
    """As many open files as allowed, for this process and those it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Processes started inside run on ``core`` only, from their first instruction."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def complaint(stderr: str, otherwise: str) -> str:
    """The last line of ``stderr``, without where on this machine the files lie."""
    lines = stderr.strip().splitlines()
    return lines[-1].replace(f"{ROOT}/", "") if lines else otherwise


def run_json(command: Sequence[str], core: int, seconds: float) -> dict[str, float]:
    """Run ``command`` to its end and parse the line it prints.

    Raises:
      Broken: it printed no such line or ran for longer than ``seconds``.
    """
    with on_core(core):
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise Broken(f"not done after {seconds:.0f} s") from None
    try:
        parsed: dict[str, float] = json.loads(out)
    except ValueError:
        raise Broken(complaint(err, f"exit status {process.returncode}")) from None
    return parsed


def cost_of(command: Sequence[str], core: int) -> tuple[float, float]:
    """CPU and wall milliseconds of a whole process, from its start to its end."""
    with on_core(core):
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
    assert process.stderr
    with process.stderr:
        stderr = process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Broken(complaint(stderr, f"exit status {process.returncode}"))
    return (usage.ru_utime + usage.ru_stime) * 1e3, wall * 1e3


class Server:
    """An echo server in a process of its own, listening for as long as the block lasts.

    Its first line of output must be the port.
    """

    def __init__(self, command: Sequence[str], core: int) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by _stop)
        with on_core(core):
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._errors,
            )
        self.pid = self._process.pid
        self.port = 0

    def __enter__(self) -> Self:
        try:
            self.port = self._read_port()
            self._wait_until_it_listens()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop()

    def rss(self) -> int:
        """Resident bytes."""
        with open(f"/proc/{self.pid}/statm") as statm:
            return int(statm.read().split()[1]) * PAGE

    def complaints(self) -> str:
        """What it wrote to standard error so far."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")

    def _read_port(self) -> int:
        out = self._process.stdout
        assert out
        ready, _, _ = select.select([out], [], [], START_SECONDS)
        line = out.readline().strip() if ready else b""
        if not line.isdigit():
            raise Broken(complaint(self.complaints(), f"no port within {START_SECONDS:.0f} s"))
        return int(line)

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise Broken(complaint(self.complaints(), str(error))) from None
            time.sleep(0.02)

    def _stop(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()
        self._errors.close()
