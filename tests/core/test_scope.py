"""Deadlines over blocks, and shields: each block answers for its own deadline and no other."""

import contextlib
import gc
import math
import threading
import weakref

import pytest

import weft
from weft import lowlevel

LONG = 3600.0


def park() -> None:
    lowlevel.park("test")


def test_a_block_in_time_goes_on() -> None:
    with weft.timeout(LONG) as limit:
        weft.checkpoint()
    assert not limit.expired
    weft.checkpoint()


def test_a_block_too_late_raises_timeout_error() -> None:
    with pytest.raises(TimeoutError), weft.timeout(0.001) as limit:
        park()
    assert limit.expired


def test_the_error_says_which_timeout_and_where_it_struck() -> None:
    with (
        pytest.raises(TimeoutError, match=r"timeout of 0.001 s expired \(set at .*test_scope") as e,
        weft.timeout(0.001),
    ):
        park()
    struck = e.value.__context__
    assert isinstance(struck, weft.Cancelled)
    assert isinstance(struck.scope, type(weft.timeout(1)))
    frames = []
    trace = struck.__traceback__
    while trace:
        frames.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert "park" in frames


def test_move_on_after_is_silent_and_says_so() -> None:
    with weft.move_on_after(0.001) as limit:
        park()
    assert limit.expired
    with weft.move_on_after(LONG) as limit:
        pass
    assert not limit.expired


def test_no_seconds_are_no_limit() -> None:
    with weft.timeout(None) as limit:
        assert limit.deadline == math.inf
        weft.checkpoint()
    assert lowlevel.statistics()["timers"] == 0


def test_a_deadline_is_on_the_clock_of_now() -> None:
    before = weft.now()
    with weft.timeout(5) as limit:
        assert before + 5 <= limit.deadline <= weft.now() + 5
    with weft.timeout_at(before + 7) as limit:
        assert limit.deadline == pytest.approx(before + 7)


def test_a_past_deadline_strikes_at_the_first_checkpoint_and_not_before() -> None:
    reached = False
    with pytest.raises(TimeoutError, match="deadline"), weft.timeout_at(weft.now() - 1):
        reached = True
        weft.checkpoint()
        raise AssertionError("the checkpoint should have raised")
    assert reached


def test_zero_seconds_without_a_checkpoint_harm_nobody() -> None:
    with weft.timeout(0):
        pass
    weft.checkpoint()


@pytest.mark.parametrize("bad", ["soon", math.nan])
def test_a_limit_is_a_number(bad) -> None:
    with pytest.raises((TypeError, ValueError)):
        weft.timeout(bad)


def test_a_block_is_entered_once() -> None:
    limit = weft.timeout(LONG)
    with limit:
        pass
    with pytest.raises(weft.TaskError, match="make another one"), limit:
        pass


def test_a_block_is_left_by_its_own_task() -> None:
    limit = weft.timeout(LONG)
    limit.__enter__()
    with pytest.raises(weft.TaskError, match="left by the task that entered it"):
        weft.spawn(limit.__exit__, None, None, None).result()
    limit.__exit__(None, None, None)
    shield = weft.shield()
    shield.__enter__()
    with pytest.raises(weft.TaskError, match="left by the task that entered it"):
        weft.spawn(shield.__exit__, None, None, None).result()
    shield.__exit__(None, None, None)


def test_an_error_of_the_block_passes_on_and_the_deadline_is_off() -> None:
    with pytest.raises(ZeroDivisionError), weft.timeout(0):
        raise ZeroDivisionError
    weft.checkpoint()


def test_what_cleaning_up_raises_passes_on() -> None:
    with pytest.raises(OSError, match="QUIT"), weft.timeout(0.001):
        try:
            park()
        finally:
            raise OSError("QUIT could not be sent")


# -- nested ----------------------------------------------------------------------------


def test_the_outer_deadline_passes_through_the_inner_block() -> None:
    with (
        pytest.raises(TimeoutError) as e,
        weft.timeout(0.001) as outer,
        weft.timeout(LONG) as inner,
    ):
        park()
    assert outer.expired
    assert not inner.expired
    assert "0.001" in str(e.value)


def test_the_inner_deadline_is_the_inner_blocks() -> None:
    with weft.timeout(LONG) as outer:
        with pytest.raises(TimeoutError), weft.timeout(0.001):
            park()
        weft.checkpoint()
    assert not outer.expired


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
def test_deadlines_that_expire_together_each_end_their_own_block(order) -> None:
    # All of them in the past by the time the hub looks; armed in every order.
    deadlines = [weft.now() + 0.0005 + 1e-7 * place for place in order]
    left = []
    with weft.move_on_after(LONG) as a:
        a.deadline = deadlines[0]
        with weft.move_on_after(LONG) as b:
            b.deadline = deadlines[1]
            with weft.move_on_after(LONG) as c:
                c.deadline = deadlines[2]
                while weft.now() < max(deadlines):
                    pass
                park()
            left.append("c")
            park()
        left.append("b")
        park()
    assert a.expired
    assert left == [name for name, limit in (("c", c), ("b", b)) if limit.expired]
    weft.checkpoint()


def test_an_expired_request_not_yet_raised_is_withdrawn_with_its_block() -> None:
    with weft.move_on_after(0) as limit:
        pass
    assert not limit.expired
    weft.checkpoint()


def test_cancel_is_not_taken_for_a_timeout() -> None:
    def run() -> None:
        with weft.timeout(LONG):
            park()

    task = weft.spawn(run)
    weft.checkpoint()
    task.cancel()
    task.join()
    assert isinstance(task.exception, weft.Cancelled)
    assert task.exception.scope is None


def test_cancel_and_an_expired_deadline_are_two_requests() -> None:
    seen = []

    def run() -> None:
        with weft.move_on_after(0) as limit:
            try:
                weft.checkpoint()
            except weft.Cancelled as why:
                seen.append(why.scope)
                try:
                    weft.checkpoint()
                except weft.Cancelled as second:
                    seen.append(second.scope)
                raise
        seen.append(limit.expired)

    task = weft.spawn(run)
    task_started = weft.current()
    assert task_started is not task

    def cancel_it() -> None:
        task.cancel()

    weft.spawn(cancel_it)
    task.join()
    assert len(seen) == 3
    assert seen[1] is None
    assert seen[2] is True


# -- moved -----------------------------------------------------------------------------


def test_a_deadline_may_be_moved_out() -> None:
    with weft.timeout(0.0005) as limit:
        limit.deadline = weft.now() + LONG
        weft.sleep(0.001)
    assert not limit.expired


def test_a_deadline_may_be_moved_in() -> None:
    with weft.move_on_after(LONG) as limit:
        limit.deadline = weft.now() + 0.0005
        park()
    assert limit.expired


@pytest.mark.parametrize("never", [math.inf, None])
def test_a_deadline_that_passed_unnoticed_may_still_be_moved(never) -> None:
    with weft.timeout(0) as limit:
        limit.deadline = never
        assert limit.deadline == math.inf
        weft.checkpoint()
    assert not limit.expired


def test_a_deadline_is_set_before_the_block_too() -> None:
    limit = weft.move_on_after(None)
    limit.deadline = weft.now()
    with limit:
        park()
    assert limit.expired


def test_another_task_of_the_thread_may_move_it() -> None:
    with weft.move_on_after(LONG) as limit:
        weft.spawn(setattr, limit, "deadline", weft.now())
        park()
    assert limit.expired


def test_it_cannot_be_moved_once_it_struck() -> None:
    with weft.move_on_after(0.0005) as limit:
        try:
            park()
        except weft.Cancelled:
            with pytest.raises(weft.TaskError, match="has expired"):
                limit.deadline = math.inf
            raise


def test_another_thread_cannot_move_it() -> None:
    errors = []
    with weft.timeout(LONG) as limit:

        def move() -> None:
            try:
                limit.deadline = 0.0
            except weft.TaskError as error:
                errors.append(str(error))

        thread = threading.Thread(target=move)
        thread.start()
        thread.join()
    assert errors == ["a deadline is set in the thread whose task it is over"]


def test_a_deadline_is_no_nan() -> None:
    with pytest.raises(ValueError, match="nan"):
        weft.timeout_at(math.nan)
    with weft.timeout(LONG) as limit, pytest.raises(ValueError, match="nan"):
        limit.deadline = math.nan


def test_what_the_block_held_goes_with_it_without_the_collector() -> None:
    class Thing:
        pass

    def hold() -> weakref.ref:
        thing = Thing()
        with contextlib.suppress(TimeoutError), weft.timeout(0.0005):
            thing.park = park
            thing.park()
        with contextlib.suppress(ExceptionGroup), weft.group() as g:
            g.spawn(int, "x")
            thing.park()
        return weakref.ref(thing)

    gc.disable()
    try:
        assert hold()() is None
    finally:
        gc.enable()


# -- shields ---------------------------------------------------------------------------


def shielded(log: list) -> None:
    try:
        with weft.shield():
            log.append(lowlevel.park("test"))
        log.append("left")
        weft.checkpoint()
    except weft.Cancelled:
        log.append("cancelled")


def test_a_shield_holds_a_cancellation_back_until_its_end() -> None:
    log: list = []
    task = weft.spawn(shielded, log)
    weft.checkpoint()
    task.cancel()
    weft.checkpoint()
    assert log == []
    lowlevel.unpark(task, "answer")
    task.join()
    assert log == ["answer", "left", "cancelled"]


def test_a_shield_holds_the_timeout_around_it_back_but_not_the_one_inside() -> None:
    with weft.move_on_after(0.0005) as outer:
        with weft.shield():
            weft.sleep(0.001)
            with weft.move_on_after(0.0005) as inner:
                park()
            assert inner.expired
        park()
    assert outer.expired


def test_shields_nest() -> None:
    log: list = []

    def run() -> None:
        with weft.shield():
            with weft.shield():
                lowlevel.park("test")
            weft.checkpoint()
            log.append("inner left")
        weft.checkpoint()
        log.append("never")

    task = weft.spawn(run)
    weft.checkpoint()
    task.cancel()
    lowlevel.unpark(task)
    task.join()
    assert log == ["inner left"]
    assert isinstance(task.exception, weft.Cancelled)


def test_a_shield_is_used_by_one_block_at_a_time() -> None:
    shield = weft.shield()
    with shield, pytest.raises(weft.TaskError, match="make another"), shield:
        pass
    with shield:
        pass


# -- who asked -------------------------------------------------------------------------


def test_a_cancellation_says_who_asked_and_where() -> None:
    task = weft.spawn(park)
    weft.checkpoint()
    task.cancel("enough")
    task.join()
    why = task.exception
    assert isinstance(why, weft.Cancelled)
    assert why.by == f"task {weft.current().name!r}"
    assert "test_scope.py" in why.place
    assert str(why) == f"enough (by {why.by} at {why.place})"


def test_a_thread_without_tasks_can_cancel_and_gets_no_hub() -> None:
    task = weft.spawn(park)
    weft.checkpoint()
    count = []

    def cancel() -> None:
        task.cancel()
        count.append(sum(each.is_main for each in lowlevel.tasks()))

    thread = threading.Thread(target=cancel, name="outsider")
    thread.start()
    thread.join()
    task.join()
    assert isinstance(task.exception, weft.Cancelled)
    assert task.exception.by == "thread 'outsider'"
    assert count == [1]
