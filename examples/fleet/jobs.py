"""The words of fleet: a job is a command for some hosts; a task is that command for one of them."""

import json
import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from fleet.errors import FleetError

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,200}")


class Job(NamedTuple):
    number: int
    command: str
    hosts: int  # how many


class Task(NamedTuple):
    """One message of the queue."""

    job: int
    host: str
    target: str  # "user@address:port" if the host's line says so, else ""
    command: str

    def encode(self) -> bytes:
        return json.dumps(self._asdict()).encode()

    @classmethod
    def decode(cls, message: bytes) -> "Task":
        return cls(**json.loads(message))


class Delivery(NamedTuple):
    """A task a worker has taken, and how it tells the queue what became of it."""

    task: Task
    done: Callable[[], None]
    give_back: Callable[[], None]


class Result(NamedTuple):
    job: int
    host: str
    status: int | None  # the command's exit status; None: it was not run, or not to its end
    seconds: float
    output: str  # or why there is no status

    @property
    def state(self) -> str:
        return "ok" if self.status == 0 else "failed"

    def __str__(self) -> str:
        how = "failed" if self.status is None else f"exit {self.status}"
        return f"{self.host}: {how} in {self.seconds:.2f} s"


def parse_hosts(lines: list[str], source: str) -> dict[str, str]:
    """Targets by name, from lines ``name`` or ``name=user@address:port``.

    Args:
      source: where the lines are from, for errors.
    """
    hosts: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        name, _, target = line.partition("#")[0].strip().partition("=")
        name = name.strip().lower()  # as DNS has it; and some databases would not tell a from A
        if not name:
            continue
        where = f"{source}:{number}: {line.strip()!r}"
        if not NAME.fullmatch(name) or (target and not address_of(f"ssh://{target.strip()}")):
            raise FleetError(f"{where} is neither name nor name=user@address:port")
        if name in hosts:
            raise FleetError(f"{where} names that host a second time")
        hosts[name] = target.strip()
    if not hosts:
        raise FleetError(f"{source} names no host")
    return hosts


def address_of(url: str) -> SplitResult | None:
    """A URL in parts, if it has an address, and a port that is a number or none."""
    try:
        parts = urlsplit(url)
        return parts if parts.hostname and parts.port != 0 else None
    except ValueError:
        return None
