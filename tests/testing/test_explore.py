"""explore: finds a schedule that fails, says how to run it again, and leaves nothing behind."""

import logging
import re
import sys

import pytest

import weft
import weft.threading
from weft.lowlevel import park, statistics
from weft.testing import ScheduleFailed, explore


def racy() -> None:
    """Two tasks that read, park and write."""
    balance = [0]

    def deposit() -> None:
        before = balance[0]
        weft.checkpoint()
        balance[0] = before + 1

    weft.joinall([weft.spawn(deposit) for _ in range(2)])
    assert balance == [2], "a deposit is lost"


def failed(fn, **keywords) -> ScheduleFailed:
    with pytest.raises(ScheduleFailed) as caught:
        explore(fn, **keywords)
    return caught.value


def test_it_finds_a_failing_schedule_and_the_seed_repeats_it() -> None:
    found = failed(racy)
    assert isinstance(found, AssertionError)
    assert f"the schedule of seed {found.seed}" in str(found)
    assert "AssertionError: a deposit is lost" in str(found)
    assert type(found.__cause__) is AssertionError
    for _ in range(3):
        assert failed(racy, seed=found.seed).seed == found.seed
    explore(racy, seed=found.seed - 1)


def test_every_run_has_a_schedule_of_its_own() -> None:
    orders = []

    def run() -> None:
        seen: list[int] = []
        weft.joinall([weft.spawn(seen.append, n) for n in range(4)])
        orders.append(tuple(seen))

    explore(run, runs=200)
    assert len(orders) == 200
    assert len(set(orders)) == 24


def test_what_fn_raises_is_the_cause_with_its_traceback() -> None:
    def run() -> None:
        raise LookupError("no such page")

    found = failed(run)
    assert found.seed == 0
    assert type(found.__cause__) is LookupError
    assert found.__cause__.__traceback__.tb_next is not None


def test_a_deadlock_is_a_failure_that_names_the_tasks() -> None:
    first, second = weft.threading.Lock(), weft.threading.Lock()

    def both(a, b) -> None:
        with a, b:
            pass

    def run() -> None:
        nonlocal first, second
        first, second = weft.threading.Lock(), weft.threading.Lock()
        with weft.group() as g:
            g.spawn(both, first, second)
            g.spawn(both, second, first)

    found = failed(run)
    assert type(found.__cause__) is weft.Deadlock
    assert re.search(r"cycle: '.*both-\d+' -> .* held by '.*both-\d+' -> ", str(found))
    assert re.search(r"both-\d+', spawned at .*test_explore.py:\d+ in run", str(found))
    assert failed(run, seed=found.seed).seed == found.seed


def test_an_hour_in_a_run_is_no_deadlock() -> None:
    explore(lambda: weft.sleep(3600), runs=10)


def test_a_task_left_behind_is_a_failure() -> None:
    found = failed(lambda: weft.spawn(weft.sleep, 5))
    assert re.search(
        r"left behind.*\n.*task 'sleep-\d+', spawned at .*: parked \(sleep", str(found)
    )
    assert statistics()["tasks"] == statistics()["timers"] == 0


def test_a_task_about_to_end_is_not() -> None:
    def run() -> None:
        task = weft.spawn(weft.sleep, 5)
        weft.checkpoint()
        task.cancel()

    explore(run, runs=100)


def test_a_task_that_cannot_be_cancelled_is_ended_all_the_same() -> None:
    def stubborn() -> None:
        for _ in range(3):
            try:
                park("news", cancellable=False)
            except weft.Cancelled:
                weft.sleep(1)

    failed(lambda: weft.spawn(stubborn))


def test_a_failure_nobody_asked_for_is_a_failure(caplog) -> None:
    kept = []

    def kept_run() -> None:
        kept.append(weft.spawn(divmod, 1, 0))
        weft.sleep(1)

    def dropped_run() -> None:
        weft.spawn(divmod, 1, 0)
        weft.sleep(1)

    for run in (kept_run, dropped_run):
        found = failed(run)
        assert re.search(r"task 'divmod-\d+', spawned at .* failed, and nobody asked", str(found))
        assert type(found.__cause__.__cause__) is ZeroDivisionError
        weft.sleep(0.0001)
    assert caplog.record_tuples == []


def test_failures_from_before_are_logged_as_ever(caplog) -> None:
    weft.spawn(divmod, 1, 0).join()
    with caplog.at_level(logging.ERROR):
        explore(lambda: weft.sleep(1), runs=2)
        weft.sleep(0.0001)
    assert ["nobody asked" in record.message for record in caplog.records] == [True]


def test_tasks_from_before_are_none_of_its_business() -> None:
    task = weft.spawn(weft.sleep, 3600)
    weft.checkpoint()
    explore(lambda: weft.sleep(7), runs=3)
    assert not task.done
    task.cancel()
    task.join()


def test_a_caller_that_is_cancelled_is_no_failure_of_the_function() -> None:
    with pytest.raises(TimeoutError, match="the timeout of 5 s"), weft.timeout(5):
        explore(lambda: weft.sleep(3600))
    assert statistics()["tasks"] == 0


def test_what_is_no_failure_passes_as_it_is() -> None:
    with pytest.raises(pytest.skip.Exception):
        explore(lambda: pytest.skip("not here"))


def test_the_environment_may_name_the_seed(monkeypatch) -> None:
    seed = failed(racy).seed
    runs = []
    monkeypatch.setenv("WEFT_SEED", str(seed))
    assert failed(racy).seed == seed
    explore(lambda: runs.append(1))
    assert runs == [1]
    monkeypatch.setenv("WEFT_SEED", "seven")
    with pytest.raises(ValueError, match="WEFT_SEED is 'seven'; it must be an integer"):
        explore(racy)


def test_the_command_runs_the_test_again() -> None:
    found = failed(racy)
    test = "tests/testing/test_explore.py::test_the_command_runs_the_test_again"
    assert found.command == f"WEFT_SEED={found.seed} python -m pytest {test}"
    assert f"\n    {found.command}\n" in str(found)


def test_the_command_patches_what_was_patched(monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (["/usr/bin/weft", "run"], ["-m", "weft", "run"]):
        monkeypatch.setattr(sys, "orig_argv", ["python", *words, "-m", "pytest"])
        assert failed(racy).command.partition(" ")[2].startswith("weft run -m pytest tests/")


def test_to_try_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="how many schedules are tried, at least 1, got 0"):
        explore(racy, runs=0)


def test_the_command_runs_a_program_again(run_python, tmp_path) -> None:
    program = tmp_path / "race.py"
    program.write_text(
        "import os, sys, weft\nfrom weft.testing import explore\nbalance = []\n"
        "def deposit():\n    before = balance[0]\n    weft.checkpoint()\n"
        "    balance[0] = before + 1\n"
        "def run():\n    balance[:] = [0]\n    print('run')\n"
        "    weft.joinall([weft.spawn(deposit), weft.spawn(deposit)])\n"
        "    assert balance == [2]\nexplore(run)\n"
    )
    first = run_python("race.py", "a b")
    command = re.search(r"^    (WEFT_SEED=\d+ .* race.py 'a b')$", first.stderr, re.MULTILINE)
    assert command and sys.executable in command[1]
    again = run_python("-c", f"import os; os.execvp('sh', ['sh', '-c', {command[1]!r}])")
    assert again.stdout == "run\n"
    assert command[1] in again.stderr
    assert len(first.stdout.splitlines()) > 1


def test_a_failing_run_puts_all_back_and_the_next_works() -> None:
    for _ in range(3):
        failed(racy)
        explore(lambda: weft.sleep(1), runs=1)
