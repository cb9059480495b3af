"""What all that is acquired and released has in common: hand-over, cancellation, timeouts."""

import copy
import gc
import pickle
import threading
import weakref
from collections.abc import Iterator

import pytest

import weft
from weft import lowlevel
from weft.testing import Clock, virtual_time

MAKERS = {
    "lock": weft.Lock,
    "rlock": weft.RLock,
    "condition": weft.Condition,
    "semaphore": weft.Semaphore,
    "bounded": lambda: weft.BoundedSemaphore(1),
    "limiter": lambda: weft.CapacityLimiter(1),
}
KINDS = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
HOUR = 3600


@pytest.fixture
def virtual_clock() -> Iterator[Clock]:
    with virtual_time() as clock:
        yield clock


def parked_in(fn, *args) -> weft.Task:
    """A task that has called ``fn`` and waits in it."""
    task = weft.spawn(fn, *args)
    while task.state in ("new", "ready"):
        weft.checkpoint()
    assert task.state == "parked", task
    return task


def taken(thing) -> weft.Task:
    """A task that holds ``thing`` until it is unparked."""

    def hold() -> None:
        with thing:
            lowlevel.park("test")

    return parked_in(hold)


def time_out(task: weft.Task, clock: Clock) -> None:
    """Let the deadline of ``task`` pass, and the hub see it, but not the task run yet."""
    clock.advance(2 * HOUR)
    while task.state == "parked":
        weft.checkpoint()
    assert task.state == "ready"


def waiting(thing) -> int:
    return getattr(thing, "lock", thing).statistics()["waiting"]


@KINDS
def test_is_held_from_acquire_to_release(make) -> None:
    thing = make()
    assert not thing.locked()
    assert thing.acquire() is True
    assert thing.locked()
    assert thing.release() is None
    assert not thing.locked()


@KINDS
def test_with_gives_it_up_when_the_block_raises(make) -> None:
    thing = make()
    with pytest.raises(ArithmeticError), thing as entered:
        assert entered is True
        assert thing.locked()
        raise ArithmeticError
    assert not thing.locked()


@KINDS
@pytest.mark.parametrize("seconds", [0, 0.0, -1, -1e9, float("-inf")])
def test_no_time_means_not_to_wait(make, seconds) -> None:
    thing = make()
    holder = taken(thing)
    assert thing.acquire(seconds) is False
    assert thing.acquire(seconds=seconds) is False
    lowlevel.unpark(holder)
    holder.join()
    assert thing.acquire(seconds) is True


@KINDS
@pytest.mark.parametrize("seconds", [True, False, "1", 1j, float("nan"), []], ids=str)
def test_what_is_no_number_of_seconds_is_an_error_even_if_it_is_free(make, seconds) -> None:
    thing = make()
    with pytest.raises((TypeError, ValueError)):
        thing.acquire(seconds)
    assert not thing.locked()


@KINDS
def test_who_thinks_of_blocking_is_told_about_seconds(make) -> None:
    with pytest.raises(TypeError, match=r"not True: 0 does not wait, None waits for ever"):
        make().acquire(True)


@KINDS
@pytest.mark.parametrize("seconds", [1e300, float("inf"), 10**30])
def test_the_longest_wait_is_for_ever(make, seconds) -> None:
    thing = make()
    holder = taken(thing)
    waiter = parked_in(thing.acquire, seconds)
    lowlevel.unpark(holder)
    assert waiter.result() is True


@KINDS
def test_waiters_get_it_in_the_order_they_came(make) -> None:
    thing, got = make(), []

    def take(number: int) -> None:
        with thing:
            got.append(number)
            weft.checkpoint()

    holder = taken(thing)
    waiters = [weft.spawn(take, number) for number in range(5)]
    weft.checkpoint()
    assert waiting(thing) == 5
    lowlevel.unpark(holder)
    weft.joinall(waiters)
    assert got == [0, 1, 2, 3, 4]
    assert waiting(thing) == 0


@KINDS
def test_release_does_not_switch_and_hands_over_at_once(make) -> None:
    thing = make()
    thing.acquire()

    def take() -> None:
        with thing:
            pass

    waiter = parked_in(take)
    thing.release()
    assert waiter.state == "ready"
    assert thing.acquire(0) is False, "the waiter has it, though it has not run yet"
    waiter.join()
    assert not thing.locked()


@KINDS
def test_whoever_takes_it_in_a_loop_starves_nobody(make) -> None:
    thing, turns = make(), []

    def take(name: str) -> None:
        for _ in range(3):
            with thing:
                turns.append(name)
                weft.checkpoint()

    weft.joinall([weft.spawn(take, "a"), weft.spawn(take, "b")])
    assert turns == ["a", "b"] * 3


@KINDS
def test_a_waiter_says_what_it_waits_for(make) -> None:
    thing = make()
    holder = taken(thing)
    waiter = parked_in(thing.acquire)
    awaited = getattr(thing, "lock", thing)
    kinds = {weft.Lock: "lock", weft.RLock: "lock", weft.CapacityLimiter: "limiter"}
    assert waiter.wait_kind == kinds.get(type(awaited), "semaphore")
    assert waiter.wait_object is awaited
    assert repr(awaited) in waiter.wait_reason
    assert "1 waiting" in repr(thing)
    lowlevel.unpark(holder)
    waiter.join()


# -- time ----------------------------------------------------------------------------


@KINDS
def test_a_waiter_that_timed_out_is_out_of_the_queue(make, virtual_clock) -> None:
    thing = make()
    holder = taken(thing)
    late, patient = parked_in(thing.acquire, HOUR), parked_in(thing.acquire)
    start = weft.now()
    assert late.result() is False
    assert weft.now() - start == pytest.approx(HOUR)
    assert waiting(thing) == 1
    lowlevel.unpark(holder)
    assert patient.result() is True


@KINDS
def test_timed_out_but_not_yet_running_takes_what_got_free(make, virtual_clock) -> None:
    thing = make()
    thing.acquire()
    waiter = parked_in(thing.acquire, HOUR)
    time_out(waiter, virtual_clock)
    thing.release()
    assert not thing.locked()
    assert waiter.result() is True
    assert thing.locked()


@KINDS
def test_timed_out_but_not_yet_running_overtakes_nobody(make, virtual_clock) -> None:
    thing = make()
    thing.acquire()
    late, patient = parked_in(thing.acquire, HOUR), parked_in(thing.acquire)
    time_out(late, virtual_clock)
    thing.release()
    assert late.result() is False
    assert patient.result() is True


@KINDS
def test_a_deadline_that_passes_after_the_hand_over_changes_nothing(make, virtual_clock) -> None:
    thing = make()
    thing.acquire()
    waiter = parked_in(thing.acquire, HOUR)
    thing.release()
    virtual_clock.advance(2 * HOUR)
    assert waiter.result() is True


@KINDS
def test_a_timeout_around_it_ends_the_wait(make, virtual_clock) -> None:
    thing = make()
    holder = taken(thing)

    def impatient() -> str:
        with weft.move_on_after(HOUR) as limit, thing:
            return "never"
        return "gave up" if limit.expired else "odd"

    waiter = parked_in(impatient)
    assert waiter.result() == "gave up"
    assert waiting(thing) == 0
    lowlevel.unpark(holder)
    holder.join()
    assert not thing.locked()


# -- cancellation ----------------------------------------------------------------------


@KINDS
def test_a_wait_is_cancelled_and_the_next_gets_it(make) -> None:
    thing = make()
    holder = taken(thing)
    first, second = parked_in(thing.acquire), parked_in(thing.acquire)
    first.cancel()
    with pytest.raises(weft.Cancelled):
        first.result()
    assert second.state == "parked"
    lowlevel.unpark(holder)
    assert second.result() is True


@KINDS
def test_a_cancellation_that_is_due_comes_before_the_wait(make) -> None:
    thing = make()
    holder = taken(thing)

    def take() -> None:
        weft.current().cancel()
        thing.acquire()

    task = weft.spawn(take)
    task.join()
    assert isinstance(task.exception, weft.Cancelled)
    assert waiting(thing) == 0
    lowlevel.unpark(holder)
    holder.join()


@KINDS
def test_a_cancellation_after_the_hand_over_comes_later(make) -> None:
    thing = make()
    thing.acquire()
    steps = []

    def take() -> None:
        with thing:
            steps.append("has it")
            weft.checkpoint()
            steps.append("never")

    waiter = parked_in(take)
    thing.release()
    waiter.cancel()
    with pytest.raises(weft.Cancelled):
        waiter.result()
    assert steps == ["has it"]
    assert not thing.locked()


@KINDS
def test_a_cancellation_is_first_and_the_hand_over_goes_to_the_next(make) -> None:
    thing = make()
    thing.acquire()
    first, second = parked_in(thing.acquire), parked_in(thing.acquire)
    first.cancel()
    thing.release()
    assert first.state == second.state == "ready"
    assert second.result() is True
    with pytest.raises(weft.Cancelled):
        first.result()


@KINDS
def test_of_deadline_and_cancellation_the_first_decides(make, virtual_clock) -> None:
    thing, steps = make(), []
    holder = taken(thing)

    def take() -> None:
        steps.append(thing.acquire(HOUR))
        weft.checkpoint()
        steps.append("never")

    late = parked_in(take)
    time_out(late, virtual_clock)
    late.cancel()
    with pytest.raises(weft.Cancelled):
        late.result()
    assert steps == [False]

    cancelled = parked_in(take)
    cancelled.cancel()
    virtual_clock.advance(2 * HOUR)
    with pytest.raises(weft.Cancelled):
        cancelled.result()
    assert steps == [False] and waiting(thing) == 0
    lowlevel.unpark(holder)
    holder.join()


@KINDS
def test_a_shield_holds_the_cancellation_back_until_it_has_it(make) -> None:
    thing, steps = make(), []
    holder = taken(thing)

    def take() -> None:
        with weft.shield(), thing:
            steps.append("has it")
        weft.checkpoint()

    waiter = parked_in(take)
    waiter.cancel()
    weft.checkpoint()
    assert waiter.state == "parked"
    lowlevel.unpark(holder)
    with pytest.raises(weft.Cancelled):
        waiter.result()
    assert steps == ["has it"] and not thing.locked()


@KINDS
def test_what_need_not_wait_delivers_no_cancellation(make) -> None:
    thing = make()

    def busy() -> str:
        weft.current().cancel()
        end = weft.now() + 0.01
        while weft.now() < end:
            with thing:
                pass
        return "survived"

    assert weft.spawn(busy).result() == "survived"


@KINDS
def test_a_task_that_spins_on_it_lets_others_run(make) -> None:
    thing, held, flags = make(), make(), []
    holder = taken(held)

    def spin() -> None:
        while not flags:
            with thing:
                pass

    def spin_on_a_held_one() -> None:
        while not flags:
            held.acquire(0)

    for spinner in (spin, spin_on_a_held_one):
        del flags[:]
        task = weft.spawn(spinner)
        weft.spawn(flags.append, True)
        task.join()
    lowlevel.unpark(holder)
    holder.join()


# -- odd places ----------------------------------------------------------------------------


@KINDS
def test_a_finalizer_cannot_wait_in_a_garbage_collection(make, unraisable) -> None:
    thing = make()
    holder = taken(thing)

    class Waiter:
        def __del__(self) -> None:
            thing.acquire()

    waiter = Waiter()
    waiter.itself = waiter
    del waiter
    gc.collect()
    assert [type(error) for error in unraisable] == [weft.TaskError]
    unraisable.clear()  # the traceback keeps this frame, and the frame its task
    assert waiting(thing) == 0, "it was not left in the queue"
    lowlevel.unpark(holder)
    holder.join()


@KINDS
def test_a_finalizer_may_release_in_a_garbage_collection(make, unraisable) -> None:
    thing = make()
    thing.acquire()

    class Holder:
        def __del__(self) -> None:
            thing.release()

    waiter = parked_in(thing.acquire)
    holder = Holder()
    holder.itself = holder
    del holder
    gc.collect()
    assert waiter.result() is True
    assert unraisable == []


@KINDS
@pytest.mark.leaves_tasks
def test_it_passes_over_a_waiter_whose_thread_ended(make, in_thread, caplog) -> None:
    thing = make()
    thing.acquire()
    in_thread(parked_in, thing.acquire)
    while "ended with 1 unfinished task" not in caplog.text:
        weft.checkpoint()
    waiter = parked_in(thing.acquire)
    thing.release()
    assert waiter.result() is True


@KINDS
def test_a_thread_without_tasks_takes_it_and_waits_for_it(make, in_thread) -> None:
    thing = make()

    def take() -> bool:
        with thing:
            return thing.locked()

    assert in_thread(take) is True
    assert not thing.locked()
    thing.acquire()
    thread = threading.Thread(target=take)
    thread.start()
    while not waiting(thing):
        weft.sleep(1e-6)
    thing.release()
    thread.join()
    assert not thing.locked()


@KINDS
def test_it_can_be_referred_to_weakly_but_not_copied(make) -> None:
    thing = make()
    reference = weakref.ref(thing)
    for copier in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot pickle"):
            copier(thing)
    del thing
    assert reference() is None


@KINDS
def test_wrong_arguments_make_none(make) -> None:
    kind = type(make())
    for arguments in (("one", "two", "three"), ([],)):
        with pytest.raises(TypeError):
            kind(*arguments)


@pytest.mark.parametrize("made", ["Lock()", "RLock()", "Semaphore()", "CapacityLimiter(1)"])
def test_handed_over_but_something_else_is_thrown_it_is_given_back(program, made) -> None:
    said = program(f"""
        import os, weft
        from greenlet import greenlet

        thing = weft.{made}

        def victim():
            try:
                thing.acquire()
            except KeyError as error:
                print(error, thing.locked(), thing.statistics()["waiting"], flush=True)
                os._exit(0)

        thing.acquire()
        task = weft.spawn(victim)
        weft.checkpoint()
        thing.release()
        assert thing.locked() and task.state == "ready"
        greenlet.throw(task, KeyError("thrown"))
    """)
    assert said == "'thrown' False 0\n"
