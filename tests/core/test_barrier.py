"""Barrier: rounds, what breaks one, and what becomes of those who wait."""

import re
import threading
from collections.abc import Iterator
from threading import BrokenBarrierError

import pytest

import weft
from weft import lowlevel
from weft.testing import Clock, virtual_time

HOUR = 3600


@pytest.fixture
def virtual_clock() -> Iterator[Clock]:
    with virtual_time() as clock:
        yield clock


def comer(barrier: weft.Barrier, *arguments) -> weft.Task:
    """A task that has come to the barrier and waits there."""
    task = weft.spawn(barrier.wait, *arguments)
    while task.state in ("new", "ready"):
        weft.checkpoint()
    assert task.state == "parked", task
    return task


def is_told_that_it_is_broken(task: weft.Task) -> bool:
    task.join()
    return isinstance(task.exception, BrokenBarrierError)


def test_all_pass_when_the_last_has_come() -> None:
    barrier = weft.Barrier(3)
    first = comer(barrier)
    assert barrier.n_waiting == 1 and barrier.parties == 3
    second = comer(barrier)
    assert barrier.statistics() == {"parties": 3, "waiting": 2}
    assert barrier.wait() == 2
    assert (first.result(), second.result()) == (0, 1)
    assert barrier.n_waiting == 0 and not barrier.broken


def test_round_after_round() -> None:
    barrier, passed = weft.Barrier(4), []

    def run(number: int) -> None:
        for turn in range(10):
            barrier.wait()
            passed.append(turn)

    weft.joinall([weft.spawn(run, number) for number in range(4)])
    assert passed == [turn for turn in range(10) for _ in range(4)]


def test_a_barrier_of_one_holds_nobody() -> None:
    barrier = weft.Barrier(1)
    assert [barrier.wait(), barrier.wait(0)] == [0, 0]


@pytest.mark.parametrize("parties", [0, -3])
def test_less_than_one_party_is_an_error(parties) -> None:
    with pytest.raises(ValueError, match=f"at least one party, not {parties}"):
        weft.Barrier(parties)


def test_wrong_arguments_are_errors() -> None:
    for arguments in ((), ("3",), (1.5,), (1, None, 3)):
        with pytest.raises(TypeError):
            weft.Barrier(*arguments)
    with pytest.raises(TypeError, match="not True: 0 does not wait"):
        weft.Barrier(1).wait(True)


# -- the action --------------------------------------------------------------------------


def test_the_action_runs_once_a_round_before_any_passes() -> None:
    log = []
    barrier = weft.Barrier(3, lambda: log.append("action"))

    def run() -> None:
        for _ in range(2):
            barrier.wait()
            log.append("passed")

    weft.joinall([weft.spawn(run) for _ in range(3)])
    assert log == (["action"] + ["passed"] * 3) * 2


def test_an_action_that_raises_breaks_the_barrier() -> None:
    def action() -> None:
        raise ArithmeticError

    barrier = weft.Barrier(2, action)
    task = comer(barrier)
    with pytest.raises(ArithmeticError):
        barrier.wait()
    assert is_told_that_it_is_broken(task) and barrier.broken


def test_who_comes_while_the_action_runs_is_of_the_next_round() -> None:
    barrier = weft.Barrier(2, lambda: lowlevel.park("action"))
    first, last = comer(barrier), weft.spawn(barrier.wait)
    weft.checkpoint()
    assert last.wait_kind == "action" and barrier.n_waiting == 0
    next_one = comer(barrier)
    assert barrier.n_waiting == 1
    lowlevel.unpark(last)
    assert (first.result(), last.result()) == (0, 1)
    assert next_one.state == "parked"
    barrier.abort()
    assert is_told_that_it_is_broken(next_one)


@pytest.mark.parametrize("how", ["abort", "reset"])
def test_abort_and_reset_tell_those_whose_action_runs(how) -> None:
    barrier = weft.Barrier(2, lambda: lowlevel.park("action"))
    first, last = comer(barrier), weft.spawn(barrier.wait)
    weft.checkpoint()
    getattr(barrier, how)()
    assert is_told_that_it_is_broken(first), "at once"
    lowlevel.unpark(last)
    assert is_told_that_it_is_broken(last)
    assert barrier.broken is (how == "abort")


def test_an_action_that_raises_after_a_reset_leaves_the_new_barrier_alone() -> None:
    def action() -> None:
        lowlevel.park("action")
        raise ArithmeticError

    barrier = weft.Barrier(2, action)
    first, last = comer(barrier), weft.spawn(barrier.wait)
    weft.checkpoint()
    barrier.reset()
    lowlevel.unpark(last)
    last.join()
    assert isinstance(last.exception, ArithmeticError)
    assert is_told_that_it_is_broken(first) and not barrier.broken


# -- broken ------------------------------------------------------------------------------


def test_abort_breaks_it_until_reset() -> None:
    barrier = weft.Barrier(3)
    tasks = [comer(barrier), comer(barrier)]
    barrier.abort()
    assert all(is_told_that_it_is_broken(task) for task in tasks)
    assert barrier.broken and barrier.n_waiting == 0
    with pytest.raises(BrokenBarrierError, match=r"broken>: reset\(\) makes it whole"):
        barrier.wait()
    barrier.reset()
    assert not barrier.broken
    tasks = [comer(barrier), comer(barrier)]
    assert barrier.wait() == 2
    assert [task.result() for task in tasks] == [0, 1]


def test_reset_sends_away_who_waits() -> None:
    barrier = weft.Barrier(2)
    task = comer(barrier)
    barrier.reset()
    assert not barrier.broken
    other = comer(barrier)
    assert is_told_that_it_is_broken(task)
    assert barrier.wait() == 1 and other.result() == 0


def test_a_waiter_that_times_out_breaks_it_for_all(virtual_clock) -> None:
    barrier = weft.Barrier(3)
    start = weft.now()
    late, patient = comer(barrier, HOUR), comer(barrier)
    assert is_told_that_it_is_broken(late) and is_told_that_it_is_broken(patient)
    assert weft.now() - start == pytest.approx(HOUR)
    assert barrier.broken
    assert "the others did not come in time" in str(late.exception)


def test_no_time_breaks_it_unless_the_caller_is_the_last() -> None:
    barrier = weft.Barrier(2)
    task = comer(barrier)
    assert barrier.wait(0) == 1 and task.result() == 0
    with pytest.raises(BrokenBarrierError):
        barrier.wait(0)
    assert barrier.broken


def test_timed_out_but_not_yet_running_passes_if_all_have_come(virtual_clock) -> None:
    barrier = weft.Barrier(2)
    task = comer(barrier, HOUR)
    virtual_clock.advance(2 * HOUR)
    while task.state == "parked":
        weft.checkpoint()
    assert barrier.wait() == 1
    assert task.result() == 0 and not barrier.broken


def test_a_cancelled_waiter_breaks_it() -> None:
    barrier = weft.Barrier(3)
    first, second = comer(barrier), comer(barrier)
    first.cancel()
    assert is_told_that_it_is_broken(second)
    assert isinstance(first.exception, weft.Cancelled) and barrier.broken


def test_a_cancellation_that_is_due_where_it_would_wait_breaks_it() -> None:
    barrier = weft.Barrier(2)
    task = comer(barrier)

    def come() -> None:
        weft.current().cancel()
        weft.Barrier(1).wait()
        barrier3.wait()

    barrier3 = weft.Barrier(3)
    other = comer(barrier3)
    late = weft.spawn(come)
    late.join()
    assert isinstance(late.exception, weft.Cancelled)
    assert is_told_that_it_is_broken(other)
    assert barrier.wait() == 1 and task.result() == 0


def test_a_cancellation_after_the_last_has_come_breaks_nothing() -> None:
    barrier = weft.Barrier(2)
    task = comer(barrier)
    assert barrier.wait() == 1
    task.cancel()
    assert task.result() == 0 and not barrier.broken


def test_cancelled_but_not_yet_running_when_the_last_comes_it_breaks_nothing() -> None:
    barrier = weft.Barrier(2)
    task = comer(barrier)
    task.cancel()
    assert barrier.wait() == 1
    task.join()
    assert isinstance(task.exception, weft.Cancelled) and not barrier.broken


# -- how it looks ------------------------------------------------------------------------


def test_a_waiter_says_what_it_waits_for() -> None:
    barrier = weft.Barrier(2)
    task = comer(barrier)
    assert task.wait_kind == "barrier" and task.wait_object is barrier
    assert re.fullmatch(r"<weft.Barrier at 0x\w+ 1 of 2 waiting>", repr(barrier))
    barrier.abort()
    assert re.fullmatch(r"<weft.Barrier at 0x\w+ broken>", repr(barrier))
    task.join()


def test_native_threads_and_tasks_meet() -> None:
    barrier, places = weft.Barrier(6), []

    def come() -> None:
        for _ in range(20):
            places.append(barrier.wait())

    threads = [threading.Thread(target=come) for _ in range(3)]
    for thread in threads:
        thread.start()
    weft.joinall([weft.spawn(come) for _ in range(3)])
    for thread in threads:
        thread.join()
    assert sorted(places) == sorted(list(range(6)) * 20)
