"""Event: set wakes all, a quick clear loses nobody, cancellation and timeouts."""

import copy
import gc
import re
import threading
import weakref
from collections.abc import Iterator

import pytest

import weft
from weft.testing import Clock, virtual_time

HOUR = 3600


@pytest.fixture
def virtual_clock() -> Iterator[Clock]:
    with virtual_time() as clock:
        yield clock


def parked_in(fn, *args) -> weft.Task:
    task = weft.spawn(fn, *args)
    while task.state in ("new", "ready"):
        weft.checkpoint()
    assert task.state == "parked", task
    return task


def test_wait_returns_at_once_while_it_is_set() -> None:
    event = weft.Event()
    assert not event.is_set() and event.wait(0) is False
    event.set()
    assert event.is_set() and event.wait() is True and event.wait(0) is True
    event.clear()
    assert not event.is_set() and event.wait(-1) is False


def test_set_wakes_everybody_in_the_order_they_came_and_does_not_switch() -> None:
    event, woken = weft.Event(), []

    def wait(number: int) -> bool:
        found = event.wait()
        woken.append(number)
        return found

    tasks = [parked_in(wait, number) for number in range(4)]
    event.set()
    assert woken == [] and event.statistics() == {"waiting": 0}
    assert [task.result() for task in tasks] == [True] * 4
    assert woken == [0, 1, 2, 3]


def test_who_was_woken_is_not_lost_to_a_quick_clear() -> None:
    event = weft.Event()
    tasks = [parked_in(event.wait) for _ in range(3)]
    event.set()
    event.clear()
    assert [task.result() for task in tasks] == [True] * 3
    assert not event.is_set()


def test_setting_twice_and_clearing_twice_is_no_error() -> None:
    event = weft.Event()
    for _ in range(2):
        event.set()
    for _ in range(2):
        event.clear()
    assert event.wait(0) is False


def test_a_wait_times_out_and_leaves_the_list(virtual_clock) -> None:
    event = weft.Event()
    start = weft.now()
    assert event.wait(HOUR) is False
    assert weft.now() - start == pytest.approx(HOUR)
    assert event.statistics() == {"waiting": 0}


def test_timed_out_but_not_yet_running_sees_that_it_was_set(virtual_clock) -> None:
    event = weft.Event()
    task = parked_in(event.wait, HOUR)
    virtual_clock.advance(2 * HOUR)
    while task.state == "parked":
        weft.checkpoint()
    event.set()
    assert task.result() is True


def test_a_deadline_that_passes_after_set_changes_nothing(virtual_clock) -> None:
    event = weft.Event()
    task = parked_in(event.wait, HOUR)
    event.set()
    event.clear()
    virtual_clock.advance(2 * HOUR)
    assert task.result() is True


def test_a_wait_is_cancelled_and_leaves_the_list() -> None:
    event = weft.Event()
    first, second = parked_in(event.wait), parked_in(event.wait)
    first.cancel()
    with pytest.raises(weft.Cancelled):
        first.result()
    assert event.statistics() == {"waiting": 1}
    event.set()
    assert second.result() is True


def test_a_cancellation_that_is_due_comes_only_where_it_would_wait() -> None:
    event, steps = weft.Event(), []
    event.set()

    def run() -> None:
        weft.current().cancel()
        steps.append(event.wait())
        event.clear()
        steps.append(event.wait(0))
        event.wait()

    task = weft.spawn(run)
    with pytest.raises(weft.Cancelled):
        task.result()
    assert steps == [True, False]


def test_a_cancellation_after_set_comes_at_the_next_checkpoint() -> None:
    event, steps = weft.Event(), []

    def run() -> None:
        steps.append(event.wait())
        weft.checkpoint()
        steps.append("never")

    task = parked_in(run)
    event.set()
    task.cancel()
    with pytest.raises(weft.Cancelled):
        task.result()
    assert steps == [True]


@pytest.mark.parametrize("seconds", [True, False, "1", 1j, float("nan")], ids=str)
def test_what_is_no_number_of_seconds_is_an_error_even_if_it_is_set(seconds) -> None:
    event = weft.Event()
    event.set()
    with pytest.raises((TypeError, ValueError)):
        event.wait(seconds)


def test_a_waiter_says_what_it_waits_for() -> None:
    event = weft.Event()
    task = parked_in(event.wait)
    assert task.wait_kind == "event" and task.wait_object is event
    assert re.fullmatch(r"<weft.Event at 0x[0-9a-f]+ not set, 1 waiting>", repr(event))
    event.set()
    assert re.fullmatch(r"<weft.Event at 0x[0-9a-f]+ set>", repr(event))
    task.join()


def test_a_task_that_asks_again_and_again_lets_others_run() -> None:
    event = weft.Event()

    def ask() -> None:
        while not event.is_set():
            pass

    task = weft.spawn(ask)
    weft.spawn(event.set)
    task.join()


def test_a_finalizer_may_set_it_in_a_garbage_collection(unraisable) -> None:
    event = weft.Event()

    class Dying:
        def __del__(self) -> None:
            event.set()

    task = parked_in(event.wait)
    dying = Dying()
    dying.itself = dying
    del dying
    gc.collect()
    assert task.result() is True and unraisable == []


def test_native_threads_set_it_and_wait_for_it() -> None:
    asked, answered = weft.Event(), weft.Event()

    def serve() -> None:
        asked.wait()
        answered.set()

    thread = threading.Thread(target=serve)
    thread.start()
    while not asked.statistics()["waiting"]:
        weft.sleep(1e-6)
    asked.set()
    assert answered.wait(60) is True
    thread.join()


@pytest.mark.leaves_tasks
def test_waiters_whose_thread_ended_are_passed_over(in_thread, caplog) -> None:
    event = weft.Event()
    in_thread(parked_in, event.wait)
    while "ended with 1 unfinished task" not in caplog.text:
        weft.checkpoint()
    task = parked_in(event.wait)
    event.set()
    assert task.result() is True


def test_it_takes_no_arguments_and_is_neither_copied_nor_derived_from() -> None:
    with pytest.raises(TypeError, match=r"weft.Event\(\) takes no arguments"):
        weft.Event(True)
    with pytest.raises(TypeError):
        type("Sub", (weft.Event,), {})
    event = weft.Event()
    with pytest.raises(TypeError, match="cannot pickle"):
        copy.copy(event)
    reference = weakref.ref(event)
    del event
    assert reference() is None
