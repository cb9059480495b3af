"""Run by hand, a chapter that needs servers says so in a line when they are not named."""

import os

import pytest

from weft.cli._chapters import chapters
from weft.cli._servers import VARIABLES


@pytest.mark.parametrize(
    "chapter", [each for each in chapters() if each.needs], ids=lambda each: each.path.stem
)
def test_a_line_says_what_is_missing(chapter, run_python) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WEFT_")}
    done = run_python("-m", "weft", "run", str(chapter.path), env=environment)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert all(VARIABLES[name] in line for name in chapter.needs)
    assert f"`weft lesson {chapter.number}`" in line
    assert "`make services`" in line
