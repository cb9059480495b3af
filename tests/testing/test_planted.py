"""explore finds a planted bug of each kind, the command it prints does so again, and it finds
nothing in what is correct."""

import importlib.util
import os
import re
from pathlib import Path

import pytest

from weft.testing import ScheduleFailed, explore, virtual_time

PLANTED = Path(__file__).with_name("planted.py")
_spec = importlib.util.spec_from_file_location("planted", PLANTED)
planted = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(planted)

# What finds it, and how it shows.
BUGS = {
    "lost_wakeup": "the mutex is held, and by nobody",
    "double_release": r"3 inside",
    "check_then_act": r"[23] values made",
}
SEEDS = 100_000 if os.environ.get("WEFT_HAMMER") == "full" else 1000


@pytest.mark.parametrize("bug", BUGS)
def test_explore_finds_it(bug: str) -> None:
    with pytest.raises(ScheduleFailed, match=BUGS[bug]) as caught:
        explore(getattr(planted, bug))
    with pytest.raises(ScheduleFailed, match=BUGS[bug]):
        explore(getattr(planted, bug), seed=caught.value.seed)


def test_it_finds_nothing_in_what_is_correct() -> None:
    explore(planted.correct, runs=SEEDS)


@pytest.mark.parametrize("bug", ["double_release", "check_then_act"])
def test_without_it_they_pass(bug: str) -> None:
    for _ in range(100):
        with virtual_time():
            getattr(planted, bug)()


@pytest.mark.parametrize("bug", BUGS)
def test_the_command_finds_it_again(bug: str, run_python) -> None:
    """In a process of its own, and there at once."""
    program = (
        f"import sys\nsys.path.insert(0, {str(PLANTED.parent)!r})\nimport planted\n"
        "from weft.testing import explore\nruns = []\n"
        f"def run():\n    runs.append(1)\n    planted.{bug}()\n"
        "try:\n    explore(run)\nfinally:\n    print(len(runs), 'runs')\n"
    )
    found = run_python("-c", program)
    command = re.search(r"WEFT_SEED=(\d+) ", found.stderr)
    assert command, found.stderr
    assert found.stdout == f"{int(command[1]) + 1} runs\n"
    again = run_python("-c", program, env={**os.environ, "WEFT_SEED": command[1]})
    assert re.search(BUGS[bug], again.stderr)
    assert again.stdout == "1 runs\n"


def test_the_command_finds_it_again_under_pytest(run_python, tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text(PLANTED.read_text())
    (tmp_path / "test_bug.py").write_text(
        "import planted\nfrom weft.testing import explore\n\n"
        "def test_it():\n    explore(planted.check_then_act)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    found = run_python("-m", "pytest", "-p", "no:cacheprovider", "test_bug.py", env=environment)
    command = re.search(r"(WEFT_SEED=\d+) python (-m pytest test_bug.py::test_it)\n", found.stdout)
    assert command, found.stdout
    name, _, seed = command[1].partition("=")
    again = run_python(*command[2].split(), env={**environment, name: seed})
    assert re.search(f"under the schedule of seed {seed}, the 1st tried", again.stdout)
    assert re.search(BUGS["check_then_act"], again.stdout)
