"""Blocking calls in OS threads: results, errors, cancelling, threads that come and go."""

import threading
import traceback
from collections.abc import Callable, Iterator

import pytest

import weft
from weft import _offload
from weft._core import _pool

SECONDS = 20


class Gate:
    """A call that blocks its OS thread until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.opened = threading.Event()

    def __call__(self, value: object = None) -> object:
        self.entered.release()
        assert self.opened.wait(SECONDS)
        return value


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


def until(condition: Callable[[], bool]) -> None:
    deadline = weft.now() + SECONDS
    while not condition():
        assert weft.now() < deadline
        weft.sleep(0.001)


def all_idle() -> bool:
    statistics = _pool.statistics()
    return statistics["threads"] == statistics["idle"]


def test_it_returns_what_the_call_returns() -> None:
    assert _offload.run(divmod, 17, 5) == (3, 2)
    assert _offload.run(dict, one=1, two=2) == {"one": 1, "two": 2}
    assert _offload.run(lambda: None) is None


def test_it_runs_in_another_thread_and_the_task_in_its_own() -> None:
    here = threading.get_ident()
    assert _offload.run(threading.get_ident) != here
    assert threading.get_ident() == here


def test_other_tasks_run_meanwhile(gate: Gate) -> None:
    task = weft.spawn(_offload.run, gate, "value")
    weft.checkpoint()
    assert gate.entered.acquire(timeout=SECONDS)
    assert task.wait_kind == "thread"
    assert weft.spawn(lambda: 1).result(SECONDS) == 1
    gate.opened.set()
    assert task.result(SECONDS) == "value"


def test_an_error_keeps_its_traceback() -> None:
    def outer() -> None:
        inner()

    def inner() -> None:
        raise LookupError("there")

    with pytest.raises(LookupError, match="there") as caught:
        _offload.run(outer)
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[-2:] == ["outer", "inner"]
    assert "run" in names


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, weft.Cancelled])
def test_any_exception_reaches_the_task(error: type[BaseException]) -> None:
    def fail() -> None:
        raise error("mine")

    with pytest.raises(error, match="mine"):
        _offload.run(fail)


def test_a_cancelled_task_leaves_at_once_and_the_call_goes_on(gate: Gate) -> None:
    task = weft.spawn(_offload.run, gate)
    weft.checkpoint()
    assert gate.entered.acquire(timeout=SECONDS)
    task.cancel()
    with pytest.raises(weft.Cancelled):
        task.result(SECONDS)
    # What comes of the call wakes nobody: not even the same task, waiting for something else.
    sleeper = weft.spawn(weft.lowlevel.park, "something else")
    weft.checkpoint()
    gate.opened.set()
    until(all_idle)
    assert sleeper.state == "parked"
    sleeper.cancel()


def test_the_answer_to_a_task_that_left_does_not_wake_its_next_wait(gate: Gate) -> None:
    def leave_and_wait() -> str:
        try:
            _offload.run(gate, "late")
        except weft.Cancelled:
            return weft.lowlevel.park("next")
        return "not cancelled"

    task = weft.spawn(leave_and_wait)
    weft.checkpoint()
    assert gate.entered.acquire(timeout=SECONDS)
    task.cancel()
    weft.checkpoint()
    gate.opened.set()
    until(all_idle)
    assert task.wait_kind == "next"
    weft.lowlevel.unpark(task, "right")
    assert task.result(SECONDS) == "right"


def test_a_task_cancelled_before_starts_no_call() -> None:
    started = []

    def work() -> None:
        weft.current().cancel()
        _offload.run(started.append, 1)

    task = weft.spawn(work)
    with pytest.raises(weft.Cancelled):
        task.result(SECONDS)
    assert _offload.run(lambda: 1) == 1
    assert started == []


def test_the_pool_grows_with_demand_and_shrinks_again(gate: Gate) -> None:
    tasks = [weft.spawn(_offload.run, gate, number) for number in range(20)]
    weft.checkpoint()
    for _ in tasks:
        assert gate.entered.acquire(timeout=SECONDS)
    assert _pool.statistics()["threads"] >= 20
    gate.opened.set()
    assert [task.result(SECONDS) for task in tasks] == list(range(20))
    until(lambda: _pool.statistics() == {"threads": 0, "idle": 0, "backlog": 0})


def test_an_idle_thread_is_used_again() -> None:
    threads = {_offload.run(threading.get_ident) for _ in range(20)}
    assert len(threads) < 20


def test_calls_above_the_limit_wait_their_turn(gate: Gate, monkeypatch) -> None:
    until(lambda: _pool.statistics()["threads"] == 0)
    monkeypatch.setattr(_pool, "LIMIT", 2)
    order: list[int] = []

    def call(number: int) -> int:
        if number < 2:
            gate()
        order.append(number)
        return number

    tasks = [weft.spawn(_offload.run, call, number) for number in range(10)]
    weft.checkpoint()
    assert _pool.statistics() == {"threads": 2, "idle": 0, "backlog": 8}
    tasks[9].cancel()
    gate.opened.set()
    assert [task.result(SECONDS) for task in tasks[:9]] == list(range(9))
    assert sorted(order) == list(range(9))


def test_from_any_thread() -> None:
    results: list[object] = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(_offload.run(pow, n, 2)))
        for n in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [0, 1, 4, 9, 16]


def test_hammer() -> None:
    """No answer is lost, whoever is faster."""

    def caller(number: int) -> int:
        return sum(_offload.run(int, str(number)) for _ in range(50))

    tasks = [weft.spawn(caller, number) for number in range(100)]
    assert [task.result(SECONDS) for task in tasks] == [50 * number for number in range(100)]


def test_what_was_passed_and_returned_is_let_go() -> None:
    class Thing:
        alive = 0

        def __init__(self) -> None:
            Thing.alive += 1

        def __del__(self) -> None:
            Thing.alive -= 1

    assert isinstance(_offload.run(lambda thing: Thing(), Thing()), Thing)
    until(lambda: Thing.alive == 0)


def test_a_forked_child_starts_with_no_threads(run_python, tmp_path) -> None:
    program = tmp_path / "fork.py"
    program.write_text("""
import os, threading, weft
from weft import _offload
from weft._core import _pool

gate = threading.Event()
tasks = [weft.spawn(_offload.run, gate.wait) for _ in range(3)]
weft.checkpoint()
pid = os.fork()
if pid == 0:
    assert _pool.statistics() == {"threads": 0, "idle": 0, "backlog": 0}
    assert _offload.run(pow, 2, 10) == 1024
    os._exit(7)
gate.set()
assert [task.result(20) for task in tasks] == [True] * 3
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
""")
    # Python warns of a fork among OS threads, which is what this is about.
    done = run_python("-W", "ignore::DeprecationWarning", str(program))
    assert (done.stdout, done.stderr) == ("7\n", "")


def test_idle_threads_do_not_hold_the_end_of_the_program(run_python, tmp_path) -> None:
    program = tmp_path / "end.py"
    program.write_text("""
import threading, weft
from weft import _offload
from weft._core import _pool

_offload.run(int)
task = weft.spawn(_offload.run, threading.Event().wait)
weft.checkpoint()
print(threading.active_count())
""")
    done = run_python(str(program))
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
