"""Runs the same program under python and under weft, three ways of starting it."""

import os
import re
import sysconfig
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

# Python shows how it started the program; weft does not show how it did.
RUNPY_FRAME = re.compile(r'^  File "<frozen runpy>", line \d+, in \w+\n', re.MULTILINE)

WEFT = str(Path(sysconfig.get_path("scripts"), "weft"))

Outcome = tuple[int, str, str]


def outcome(done: "CompletedProcess[str]") -> Outcome:
    """What a shell sees of a program: status, stdout, stderr."""
    return done.returncode, done.stdout, RUNPY_FRAME.sub("", done.stderr)


@pytest.fixture
def agree(run_python) -> Callable[..., Outcome]:
    """Run a program under python and weft, assert that nothing differs, return the outcome."""

    def run(*words: str, **keywords) -> Outcome:
        # A compiled module cached by the first run must not tell it from the second.
        keywords["env"] = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **keywords.pop("env", {})}
        python = outcome(run_python(*words, **keywords))
        assert outcome(run_python("-m", "weft", "run", *words, **keywords)) == python
        assert outcome(run_python(WEFT, "run", *words, **keywords)) == python
        return python

    return run
