"""Blocking calls in OS threads: results, errors, cancelling, threads that come and go."""

import contextvars
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator

import pytest

import weft
from weft import _offload, lowlevel
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

_offload.run(int)
task = weft.spawn(_offload.run, threading.Event().wait)
weft.checkpoint()
print(threading.active_count())
""")
    done = run_python(str(program))
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


# -- weft.offload: contextvars, and calls that use weft themselves --------------------------


VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="unset")


def test_a_call_sees_the_callers_context_and_changes_its_own() -> None:
    def call() -> str:
        seen = VARIABLE.get()
        VARIABLE.set("changed")
        return seen

    def caller(value: str) -> tuple[str, str]:
        VARIABLE.set(value)
        return weft.offload(call), VARIABLE.get()

    tasks = [weft.spawn(caller, value) for value in "abc"]
    assert [task.result(SECONDS) for task in tasks] == [(value, value) for value in "abc"]
    assert VARIABLE.get() == "unset"


def test_arguments_keywords_and_the_wait_reason_are_the_functions(gate: Gate) -> None:
    assert weft.offload(dict, [("one", 1)], two=2) == {"one": 1, "two": 2}
    task = weft.spawn(weft.offload, gate, "value")
    weft.checkpoint()
    assert (task.wait_kind, task.wait_object) == ("thread", gate)
    gate.opened.set()
    assert task.result(SECONDS) == "value"


def test_offload_needs_something_to_call() -> None:
    with pytest.raises(TypeError, match=r"offload\(\) needs something to call, got 3"):
        weft.offload(3)


def hub_count() -> int:
    return sum(task.is_main for task in lowlevel.tasks())


def test_a_call_may_use_weft_and_its_hub_ends_with_it() -> None:
    def call() -> int:
        tasks = [weft.spawn(abs, -n) for n in range(10)]
        weft.sleep(0.001)
        return sum(task.result() for task in tasks)

    before = hub_count(), len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        assert weft.offload(call) == 45
    assert (hub_count(), len(os.listdir("/proc/self/fd"))) == before


def test_tasks_that_a_call_leaves_behind_are_named(caplog) -> None:
    def call() -> None:
        weft.spawn(weft.sleep, 1000)
        weft.checkpoint()

    weft.offload(call)
    until(lambda: bool(caplog.records))
    assert "ended with 1 unfinished tasks, which will never run again: sleep-" in caplog.text


def test_calls_of_calls_do_not_wait_for_those_they_are_in(monkeypatch) -> None:
    """With as many calls as threads, each of which calls again."""
    until(lambda: _pool.statistics()["threads"] == 0)
    monkeypatch.setattr(_pool, "LIMIT", 3)
    barrier = threading.Barrier(3)

    def outer(number: int) -> int:
        if number < 3:
            barrier.wait(SECONDS)
        return _offload.run(pow, number, 2)

    tasks = [weft.spawn(_offload.run, outer, number) for number in range(10)]
    assert [task.result(SECONDS) for task in tasks] == [number**2 for number in range(10)]
    until(lambda: _pool.statistics() == {"threads": 0, "idle": 0, "backlog": 0})


def test_a_call_nobody_waits_for_is_made_and_its_error_reported(monkeypatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: seen.append(told.exc_value))
    called = threading.Event()
    _pool.start_in_thread(called.set)
    assert called.wait(SECONDS)
    _pool.start_in_thread(int, "no number")
    until(lambda: bool(seen))
    assert isinstance(seen[0], ValueError)


def test_cancelling_by_a_timeout_leaves_the_call_behind(gate: Gate) -> None:
    with pytest.raises(TimeoutError), weft.timeout(0.001):
        weft.offload(gate)
    with weft.move_on_after(0.001) as scope:
        weft.offload(gate)
    assert scope.expired
