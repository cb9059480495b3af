"""What goes wrong outside the program: one line for whoever reads it."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

AGAIN = 0.5  # seconds until a server that is away is tried again


class FleetError(Exception):
    """Its text says what is wrong, and with what; no traceback is needed."""


class Unavailable(FleetError):
    """A server does not answer, now; it may come back."""

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(f"{server}: {reason}")
        self.server = server


@contextmanager
def reaching(server: str, *errors: type[Exception]) -> Iterator[None]:
    """Turn a driver's errors into Unavailable, naming the server."""
    try:
        yield
    except errors as error:
        raise Unavailable(server, str(error) or repr(error.__cause__ or error)) from error


def patiently(function: Callable[P, T], *args: P.args, **keywords: P.kwargs) -> T:
    """Call ``function`` until its server answers: a restart costs a worker time, not tasks."""
    missed = None
    while True:
        try:
            result = function(*args, **keywords)
        except Unavailable as error:
            missed = error.server
            say_away(error)
            time.sleep(AGAIN)
        else:
            say_back(missed)
            return result


# Servers that did not answer when they were last tried. Fifty tasks find out; it is said once.
away: set[str] = set()


def say_away(error: Unavailable) -> None:
    if error.server not in away:
        away.add(error.server)
        warn(f"{error}; waiting for it")


def say_back(server: str | None) -> None:
    if server in away:
        away.remove(server)
        warn(f"{server} is back")


def warn(text: str) -> None:
    print(f"fleet: {text}", file=sys.stderr, flush=True)
