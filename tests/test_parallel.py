"""Calls in worker processes: values, errors, dying workers, cancelling, what is left behind.

Which functions a worker finds is another question, of whole programs: those are in
``tests/isolated/test_processes.py``.
"""

import math
import os
import pickle
import random
import signal
import sys
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

import weft
from weft import _processes
from weft._core._process import Places

SECONDS = 20
FULL = os.environ.get("WEFT_HAMMER") == "full"

JOBS = '''
import itertools, os, signal, subprocess, sys, time


def meet(path, number, parties):
    """Return once ``parties`` calls are in here, each having left a file in ``path``."""
    open(os.path.join(path, str(number)), "w").close()
    while len(os.listdir(path)) < parties:
        time.sleep(0.001)
    return os.getpid()


def announce(path):
    """Write who runs here, then compute for ever."""
    with open(path + ".new", "w") as file:
        file.write(str(os.getpid()))
    os.rename(path + ".new", path)
    sum(itertools.repeat(0))


def start_another(path):
    child = subprocess.Popen(["sleep", "1000"])
    with open(path + ".child", "w") as file:
        file.write(str(child.pid))
    announce(path)


def die(number):
    os.kill(os.getpid(), number)


def close_everything():
    os.closerange(3, 100)
    time.sleep(1000)


def outer(error):
    inner(error)


def inner(error):
    raise error


class TwoArguments(Exception):
    def __init__(self, one, two):
        super().__init__(one)


def raise_two():
    raise TwoArguments("only one is kept", 2)


def nothing_to_pickle():
    return lambda: 1


def nested(n):
    import weft
    return os.getpid(), weft.parallel(os.getpid), list(weft.parallel_map(abs, range(-n, 0)))


class NotHere:
    """What was made there and cannot be loaded elsewhere."""

    def __reduce__(self):
        return fail_elsewhere, (os.getpid(),)


def fail_elsewhere(pid):
    if pid != os.getpid():
        raise LookupError("wrong process")
'''


@pytest.fixture(scope="module")
def jobs(tmp_path_factory) -> Iterator[object]:
    """A module that workers can import; ends them, since only new ones look where it is."""
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "weft_test_jobs.py").write_text(JOBS)
    _processes.end_all()
    sys.path.insert(0, str(folder))
    yield __import__("weft_test_jobs")
    sys.path.remove(str(folder))
    del sys.modules["weft_test_jobs"]
    _processes.end_all()


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Every place is free, every worker idle, and everybody else of ours has ended."""
    weft.checkpoint()  # the hub has files of its own
    files = len(os.listdir("/proc/self/fd")) - 2 * len(_processes.idle)
    yield
    until(lambda: len(children()) == len(_processes.idle))
    assert _processes.places.free == _processes.CPUS
    assert set(_processes.idle) == _processes.everyone
    until(lambda: len(os.listdir("/proc/self/fd")) - 2 * len(_processes.idle) <= files)


def until(condition) -> None:
    deadline = weft.now() + SECONDS
    while not condition():
        assert weft.now() < deadline
        weft.sleep(0.001)


def children() -> list[str]:
    """This process's own, zombies too."""
    return Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()


def written(path: Path) -> int:
    until(path.exists)
    return int(path.read_text())


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False  # or gone between open and read


def test_it_returns_what_the_call_returns() -> None:
    assert weft.parallel(divmod, 17, 5) == (3, 2)
    assert weft.parallel(dict, one=1, two=2) == {"one": 1, "two": 2}
    assert weft.parallel(print) is None


def test_it_runs_in_another_process_which_is_used_again() -> None:
    pids = {weft.parallel(os.getpid) for _ in range(10)}
    assert len(pids) == 1
    assert os.getpid() not in pids


def test_large_arguments_and_results() -> None:
    data = os.urandom(5_000_000)
    assert weft.parallel(bytes.hex, data) == data.hex()


def test_calls_run_at_the_same_time(jobs, tmp_path, monkeypatch) -> None:
    """Each returns only when all three are under way, from whichever thread they come."""
    monkeypatch.setattr(_processes, "places", Places(3))
    pids: list[int] = []

    def caller(number: int) -> None:
        pids.append(weft.parallel(jobs.meet, str(tmp_path), number, 3))

    thread = threading.Thread(target=caller, args=(0,))
    thread.start()
    tasks = [weft.spawn(caller, number) for number in (1, 2)]
    for task in tasks:
        task.result(SECONDS)
    thread.join()
    assert len(set(pids)) == 3


def test_other_tasks_run_meanwhile_and_the_wait_reason_is_the_function(jobs, tmp_path) -> None:
    task = weft.spawn(weft.parallel, jobs.meet, str(tmp_path), 1, 2)
    until((tmp_path / "1").exists)
    assert (task.wait_kind, task.wait_object) == ("process", jobs.meet)
    assert weft.spawn(lambda: 1).result(SECONDS) == 1
    (tmp_path / "2").touch()
    task.result(SECONDS)


def test_calls_above_the_limit_wait_in_turn(jobs, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(_processes, "places", Places(1))
    order: list[int] = []

    def caller(number: int) -> None:
        weft.parallel(abs, number)
        order.append(number)

    first = weft.spawn(weft.parallel, jobs.meet, str(tmp_path), 1, 2)
    weft.checkpoint()
    waiting = [weft.spawn(caller, number) for number in range(5)]
    weft.checkpoint()
    assert [(t.wait_kind, t.wait_object) for t in waiting] == [("process", abs)] * 5
    waiting[1].cancel()
    (tmp_path / "2").touch()
    first.result(SECONDS)
    weft.joinall(waiting, SECONDS)
    assert order == [0, 2, 3, 4]
    assert _processes.places.free == 1


def test_an_error_comes_with_the_traceback_of_the_other_process(jobs) -> None:
    with pytest.raises(LookupError, match="there") as caught:
        weft.parallel(jobs.outer, LookupError("there", 1))
    assert caught.value.args == ("there", 1)
    told = str(caught.value.__cause__)
    assert "in outer\n    inner(error)\n" in told
    assert "in inner\n    raise error\n" in told
    assert "_worker.py" not in told


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), weft.Cancelled("mine")])
def test_any_exception_reaches_the_task_and_the_worker_goes_on(jobs, error) -> None:
    pid = weft.parallel(os.getpid)
    with pytest.raises(type(error)):
        weft.parallel(jobs.inner, error)
    assert weft.parallel(os.getpid) == pid


def test_an_error_that_cannot_be_pickled_is_told(jobs) -> None:
    with pytest.raises(pickle.PicklingError, match="raised TwoArguments: only one") as caught:
        weft.parallel(jobs.raise_two)
    assert "in raise_two" in str(caught.value.__cause__)


def test_what_cannot_be_sent_is_named(jobs) -> None:
    with pytest.raises(pickle.PicklingError, match=r"<lambda> in another process: only a function"):
        weft.parallel(lambda: 1)
    with pytest.raises(pickle.PicklingError, match=r"builtins.abs .* an argument cannot"):
        weft.parallel(abs, sys)
    with pytest.raises(pickle.PicklingError, match=r"nothing_to_pickle returned, an object of"):
        weft.parallel(jobs.nothing_to_pickle)
    with pytest.raises(pickle.UnpicklingError, match=r"NotHere returned cannot .*wrong process"):
        weft.parallel(jobs.NotHere)
    with pytest.raises(pickle.UnpicklingError, match=r"cannot load .*wrong process"):
        weft.parallel(type, jobs.NotHere())
    with pytest.raises(TypeError, match="needs something to call, got 3"):
        weft.parallel(3)


@pytest.mark.parametrize(
    ("function", "argument", "told"),
    [
        ("die", signal.SIGKILL, "was killed by SIGKILL, as by the system when memory runs out"),
        ("die", signal.SIGSEGV, r"was killed by signal 11 \(Segmentation fault\)"),
        ("_exit", 3, "exited with status 3"),
        ("_exit", 0, "exited with status 0"),
    ],
)
def test_a_worker_that_dies_is_an_error_and_is_replaced(jobs, function, argument, told) -> None:
    call = getattr(jobs, function, None) or getattr(os, function)
    with pytest.raises(weft.WorkerDied, match=rf"process \d+ {told}.* ran \w+\.{function}"):
        weft.parallel(call, argument)
    assert weft.parallel(abs, -1) == 1


def test_a_worker_killed_from_outside(jobs, tmp_path) -> None:
    task = weft.spawn(weft.parallel, jobs.announce, str(tmp_path / "pid"))
    os.kill(written(tmp_path / "pid"), signal.SIGKILL)
    with pytest.raises(weft.WorkerDied, match="SIGKILL"):
        task.result(SECONDS)


def test_a_worker_that_loses_its_connection_is_killed(jobs) -> None:
    with pytest.raises(weft.WorkerDied):
        weft.parallel(jobs.close_everything)


def test_a_worker_killed_while_idle_costs_no_call() -> None:
    pid = weft.parallel(os.getpid)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not is_running(pid))
    assert weft.parallel(os.getpid) != pid


def test_a_cancelled_task_leaves_and_its_worker_is_killed(jobs, tmp_path) -> None:
    """And what the call has started."""
    task = weft.spawn(weft.parallel, jobs.start_another, str(tmp_path / "pid"))
    pid, child = written(tmp_path / "pid"), written(tmp_path / "pid.child")
    task.cancel()
    with pytest.raises(weft.Cancelled):
        task.result(SECONDS)
    until(lambda: not is_running(pid) and not is_running(child))
    assert weft.parallel(abs, -1) == 1


def test_a_timeout_ends_the_computation(jobs, tmp_path) -> None:
    with weft.move_on_after(0.001) as scope:
        weft.parallel(jobs.announce, str(tmp_path / "pid"))
    assert scope.expired


def test_what_ends_the_wait_is_shown_alone(jobs, tmp_path) -> None:
    """No "during handling of BlockingIOError ..." before the traceback."""
    path = tmp_path / "pid"
    task = weft.spawn(weft.parallel, jobs.announce, str(path))
    until(path.exists)
    task.cancel()
    assert task.join(SECONDS)
    assert isinstance(task.exception, weft.Cancelled)
    assert task.exception.__context__ is None


def test_a_task_cancelled_while_it_sends(jobs) -> None:
    """The worker gets a part of the call, and never the rest."""
    pid = weft.parallel(os.getpid)
    os.kill(pid, signal.SIGSTOP)
    task = weft.spawn(weft.parallel, len, bytes(5_000_000))
    weft.checkpoint()
    assert task.wait_kind == "process"
    task.cancel()
    with pytest.raises(weft.Cancelled):
        task.result(SECONDS)
    until(lambda: not is_running(pid))


def test_hammer() -> None:
    """Random timeouts, from two threads: no answer is another's, no place and no worker is lost."""
    calls = 100_000 if FULL else 100

    def caller(seed: int, answers: list[int]) -> None:
        choose = random.Random(seed)
        for number in range(calls // 20):
            with weft.move_on_after(choose.choice([0, 1e-4, 1e-3, 1, 1, 1])) as scope:
                answers.append(weft.parallel(abs, -number))
            if scope.expired:
                answers.append(number)

    def run(first: int) -> None:
        answers: list[list[int]] = [[] for _ in range(10)]
        tasks = [weft.spawn(caller, first + n, answers[n]) for n in range(10)]
        for task in tasks:
            task.result()
        right.append(answers == [list(range(calls // 20))] * 10)

    right: list[bool] = []
    thread = threading.Thread(target=run, args=(10,))
    thread.start()
    run(0)
    thread.join()
    assert right == [True, True]


def test_a_call_in_a_worker_is_made_there(jobs) -> None:
    outer, inner, values = weft.parallel(jobs.nested, 5)
    assert outer == inner
    assert values == [5, 4, 3, 2, 1]


def test_no_process_can_be_started(monkeypatch) -> None:
    _processes.end_all()
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(FileNotFoundError, match="/nowhere/python"):
        weft.parallel(abs, -1)


# -- parallel_map ------------------------------------------------------------------------------


def test_a_map_yields_in_order_and_takes_items_as_it_goes() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in count():
            taken.append(number)
            yield number

    squares = weft.parallel_map(math.sqrt, items(), limit=3)
    assert taken == []
    assert [next(squares) for _ in range(5)] == [math.sqrt(number) for number in range(5)]
    assert 5 <= len(taken) <= 8
    squares.close()


def test_a_map_of_nothing_and_one_shorter_than_its_limit() -> None:
    assert list(weft.parallel_map(abs, [])) == []
    assert list(weft.parallel_map(abs, [-1, -2], limit=10)) == [1, 2]


def test_a_map_raises_an_error_in_its_place_and_cancels_the_rest(jobs, tmp_path, caplog) -> None:
    calls = weft.parallel_map(jobs.inner, [LookupError("first"), LookupError("second")], 2)
    with pytest.raises(LookupError, match="first"):
        next(calls)
    assert list(calls) == []
    weft.checkpoint()
    assert caplog.records == []


def test_a_map_that_is_dropped_kills_what_is_under_way(jobs, tmp_path) -> None:
    calls = weft.parallel_map(jobs.announce, [str(tmp_path / "pid")], 1)
    weft.spawn(next, calls)
    pid = written(tmp_path / "pid")
    for task in weft.tasks():
        if task.wait_kind == "process":
            task.cancel()
    until(lambda: not is_running(pid))
    meeting = weft.parallel_map(jobs.announce, [str(tmp_path / name) for name in "ab"], 3)
    with weft.move_on_after(0.01):
        next(meeting)
    del meeting
    until(lambda: not any(task.wait_kind == "process" for task in weft.tasks()))


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ((abs, [1], 0), ValueError, "at least 1"),
        ((3, [1]), TypeError, "needs something to call, got 3"),
        ((abs, 3), TypeError, "not iterable"),
    ],
)
def test_a_map_says_at_once_what_is_wrong(arguments, error, told) -> None:
    with pytest.raises(error, match=told):
        weft.parallel_map(*arguments)
