"""Tools that run other people's code: pytest with tests that use threads."""

import re
import shutil
from pathlib import Path

import pytest

# How long it took, with the ornament that fills the line, and addresses.
VARIES = re.compile(r"in [\d.]+s( \([\d:]+\))?|==+|0x[0-9a-f]+")


@pytest.fixture
def report(start, tmp_path: Path):
    """Run pytest in one of the two ways; return its report, and how many OS threads a test saw."""
    # Away from weft's own settings for pytest.
    shutil.copy(Path(__file__).with_name("checks_with_threads.py"), tmp_path)

    def run(way: str) -> tuple[str, int]:
        program = start(
            *[way, "-m", "pytest", "-p", "no:cacheprovider", "-rP", "--basetemp=scratch"],
            str(tmp_path / "checks_with_threads.py"),
        )
        stdout, stderr = program.communicate(timeout=60)
        assert (program.returncode, stderr) == (1, ""), stdout
        found = re.search(r"OS threads: (\d+)", stdout)
        return VARIES.sub("", stdout.replace(found[0], "")), int(found[1])

    return run


def test_pytest_reports_the_same_of_tests_with_threads(report) -> None:
    expected, natively = report("python")
    found, on_weft = report("weft")
    assert found.splitlines() == expected.splitlines()
    assert "1 failed, 5 passed, 1 warning" in found
    # The one that watches for stalls is the second.
    assert (natively, on_weft) == (6, 2)
