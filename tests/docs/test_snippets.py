"""The Python snippets of the pages run as they stand, one process a page."""

import subprocess
import sys
from pathlib import Path

import pytest
from snippets import pages, snippets


@pytest.mark.parametrize("page", pages(served=False), ids=lambda page: page.name)
def test_snippets_run(page: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", snippets(page)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
