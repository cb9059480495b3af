"""Patched programs, each in a process of its own."""

import textwrap
from collections.abc import Callable

import pytest

Patched = Callable[..., list[str]]
PATCH = "import weft.patch\nweft.patch.all()\n"


@pytest.fixture
def patched(run_python) -> Patched:
    """Run a program that is patched first; return the lines it printed.

    It must end with ``status`` and write nothing to stderr but what contains ``complaint``.
    """

    def run(source: str, *, before: str = "", status: int = 0, complaint: str = "") -> list[str]:
        program = textwrap.dedent(before) + PATCH + textwrap.dedent(source)
        done = run_python("-X", "faulthandler", "-c", program, timeout=60)
        assert done.returncode == status, done.stdout + done.stderr
        assert complaint in done.stderr if complaint else done.stderr == "", done.stderr
        return done.stdout.splitlines()

    return run
