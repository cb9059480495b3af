"""Lock and RLock: the stdlib's semantics and errors, hand-over, cancellation, timeouts."""

import copy
import gc
import pickle
import re
import sys
import threading
import weakref

import pytest

import weft
from weft import lowlevel
from weft._core._lock import (
    TIMEOUT_MAX,
    Lock,
    RLock,
    allocate_latch,
    allocate_lock,
    allocate_signal,
)
from weft.testing import virtual_time

KINDS = pytest.mark.parametrize("make", [allocate_lock, RLock, allocate_signal])
STDLIB = {allocate_lock: threading.Lock, allocate_signal: threading.Lock, RLock: threading.RLock}


def parked_in(fn, *args) -> weft.Task:
    """A task that has called ``fn`` and waits in it."""
    task = weft.spawn(fn, *args)
    weft.checkpoint()
    assert task.state == "parked", task
    return task


def owner(lock):
    """A task that holds ``lock`` until it is unparked."""

    def hold() -> None:
        with lock:
            lowlevel.park("test")

    return parked_in(hold)


# -- as the stdlib's ---------------------------------------------------------------


@KINDS
def test_is_held_from_acquire_to_release(make) -> None:
    lock = make()
    assert repr(lock).startswith("<unlocked")
    assert lock.acquire() is True
    assert repr(lock).startswith("<locked")
    assert lock.release() is None
    assert repr(lock).startswith("<unlocked")


@KINDS
def test_with_holds_it_and_gives_it_up_when_the_block_raises(make) -> None:
    lock = make()
    with pytest.raises(ArithmeticError), lock as entered:
        assert entered is True
        assert repr(lock).startswith("<locked")
        raise ArithmeticError
    assert repr(lock).startswith("<unlocked")


def test_a_held_lock_cannot_be_acquired_without_waiting() -> None:
    lock = allocate_lock()
    lock.acquire()
    assert lock.locked()
    assert lock.acquire(False) is False
    assert lock.acquire(blocking=False) is False
    assert lock.acquire(timeout=0) is False
    lock.release()
    assert not lock.locked()


@KINDS
@pytest.mark.parametrize(
    "arguments",
    [
        {"timeout": -2},
        {"timeout": -0.5},
        {"blocking": False, "timeout": 1},
        {"blocking": False, "timeout": 0},
        {"timeout": float("nan")},
        {"timeout": TIMEOUT_MAX * 2},
        {"timeout": 1e100},
        {"timeout": 10**400},
        {"timeout": "1"},
        {"timeout": None},
        {"timeout": 1j},
        {"wait": True},
    ],
    ids=str,
)
def test_wrong_arguments_get_the_stdlibs_errors(make, arguments) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)) as expected:
        STDLIB[make]().acquire(**arguments)
    with pytest.raises(expected.type):
        make().acquire(**arguments)


@KINDS
def test_the_longest_timeout_is_the_stdlibs(make) -> None:
    assert threading.TIMEOUT_MAX == TIMEOUT_MAX
    assert make().acquire(timeout=TIMEOUT_MAX) is True
    assert make().acquire(True, -1) is True
    assert make().acquire(True, -1.0) is True


@pytest.mark.parametrize("make", [allocate_lock, allocate_signal])
def test_releasing_a_lock_nobody_holds_is_an_error(make) -> None:
    for call in (make().release, make().__exit__):
        with pytest.raises(RuntimeError, match=r"^release unlocked lock$"):
            call()


def test_any_task_or_thread_releases_a_lock(in_thread) -> None:
    lock = allocate_lock()
    for release in (weft.spawn, in_thread):
        lock.acquire()
        release(lock.release)
        weft.checkpoint()
        assert not lock.locked()


@pytest.mark.parametrize("make", [allocate_lock, RLock])
def test_repr_has_the_shape_of_the_stdlibs(make) -> None:
    def shape(lock) -> str:
        name = f"{type(lock).__module__}.{type(lock).__qualname__}"
        return re.sub(r"0x\w+|owner=\d+", "...", repr(lock)).replace(name, "NAME")

    ours, theirs = make(), STDLIB[make]()
    assert shape(ours) == shape(theirs)
    with ours, theirs:
        assert shape(ours) == shape(theirs)


def test_types_are_open_and_closed_as_the_stdlibs() -> None:
    with pytest.raises(TypeError):
        type("Sub", (Lock,), {})
    assert type("Sub", (RLock,), {})().acquire()
    assert type(RLock(1, two=3)) is RLock
    if sys.version_info >= (3, 13):
        assert not Lock().locked()
    else:
        with pytest.raises(TypeError, match="cannot create"):
            Lock()
    with pytest.raises(TypeError):
        allocate_lock(1)


@KINDS
def test_it_can_be_referred_to_weakly_but_not_copied(make) -> None:
    lock = make()
    reference = weakref.ref(lock)
    for copier in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot pickle"):
            copier(lock)
    del lock
    assert reference() is None


def test_obsolete_names_do_the_same() -> None:
    lock = allocate_lock()
    assert lock.acquire_lock() and lock.locked_lock()
    assert lock.acquire_lock(False) is False
    lock.release_lock()
    assert not lock.locked_lock()


@KINDS
def test_a_fork_makes_it_anew(make) -> None:
    lock = make()
    lock.acquire()
    lock._at_fork_reinit()
    assert lock.acquire(blocking=False)


# -- waiting -------------------------------------------------------------------------


@KINDS
def test_waiters_get_it_in_the_order_they_came(make) -> None:
    lock, got = make(), []

    def take(number: int) -> None:
        with lock:
            got.append(number)

    holder = owner(lock)
    waiters = [weft.spawn(take, number) for number in range(5)]
    weft.checkpoint()
    lowlevel.unpark(holder)
    weft.joinall(waiters)
    assert got == [0, 1, 2, 3, 4]


@KINDS
def test_release_does_not_switch_and_hands_over_at_once(make) -> None:
    lock = make()
    lock.acquire()
    waiter = parked_in(lock.acquire)
    lock.release()
    assert waiter.state == "ready"
    assert not lock.acquire(False), "the waiter has it, though it has not run yet"
    assert waiter.result() is True


def test_whoever_takes_it_in_a_loop_starves_nobody() -> None:
    lock, turns = allocate_lock(), []

    def take(name: str) -> None:
        for _ in range(3):
            with lock:
                turns.append(name)
                weft.checkpoint()

    weft.joinall([weft.spawn(take, "a"), weft.spawn(take, "b")])
    assert turns == ["a", "b"] * 3


def test_wait_reason_names_the_lock() -> None:
    lock = allocate_lock()
    lock.acquire()
    waiter = parked_in(lock.acquire)
    assert waiter.wait_kind == "lock" and waiter.wait_object is lock
    lock.release()
    waiter.join()


@KINDS
def test_a_waiter_that_timed_out_is_out_of_the_queue(make) -> None:
    lock = make()
    holder = owner(lock)
    late = parked_in(lock.acquire, True, 0.001)
    patient = parked_in(lock.acquire)
    assert late.result() is False
    assert not patient.done
    lowlevel.unpark(holder)
    assert patient.result() is True


@KINDS
def test_a_timeout_is_never_early(make) -> None:
    lock = make()
    holder = owner(lock)
    for seconds in (0.0003, 0.002):
        start = weft.now()
        assert lock.acquire(timeout=seconds) is False
        assert weft.now() - start >= seconds
    lowlevel.unpark(holder)
    holder.join()


@KINDS
def test_timed_out_but_not_yet_running_takes_a_lock_that_got_free(make) -> None:
    lock = make()
    lock.acquire()
    waiter = weft.spawn(lock.acquire, True, 0.001)
    weft.checkpoint()
    # Past its deadline, and past the turn of the hub: which then sees to its timers first.
    end = weft.now() + 0.005
    while weft.now() < end:
        pass
    while waiter.state == "parked":
        weft.checkpoint()
    assert waiter.state == "ready"
    lock.release()
    assert waiter.result() is True
    assert not lock.acquire(False)


@pytest.mark.leaves_tasks
def test_a_lock_of_a_thread_that_ended_goes_to_one_that_lives(in_thread, caplog) -> None:
    lock = allocate_lock()
    lock.acquire()
    in_thread(parked_in, lock.acquire)
    while "ended with 1 unfinished task" not in caplog.text:
        weft.checkpoint()
    waiter = parked_in(lock.acquire)
    lock.release()
    assert waiter.result() is True


def test_a_finalizer_may_release_in_a_garbage_collection(unraisable) -> None:
    lock = allocate_lock()
    lock.acquire()

    class Holder:
        def __del__(self) -> None:
            lock.release()

    waiter = parked_in(lock.acquire)
    holder = Holder()
    holder.itself = holder
    del holder
    gc.collect()
    assert waiter.result() is True
    assert unraisable == []


@KINDS
def test_a_finalizer_cannot_wait_in_a_garbage_collection(make, unraisable) -> None:
    lock = make()
    holding = owner(lock)

    class Waiter:
        def __del__(self) -> None:
            lock.acquire()

    waiter = Waiter()
    waiter.itself = waiter
    del waiter
    gc.collect()
    assert [type(error) for error in unraisable] == [weft.TaskError]
    unraisable.clear()  # its traceback knows this frame, and so the task
    lowlevel.unpark(holding)
    holding.join()
    assert lock.acquire(False), "it was not left in the queue"


# -- cancellation ----------------------------------------------------------------------


def test_the_shortest_timeout_waits_too() -> None:
    """Rounded to nothing, it kept a loop from ever seeing the end of its time."""
    lock = allocate_lock()
    lock.acquire()
    with virtual_time():
        before = weft.now()
        assert lock.acquire(timeout=1e-12) is False
        assert weft.now() > before


@pytest.mark.parametrize("make", [allocate_lock, RLock])
def test_acquire_without_timeout_holds_a_cancellation_back(make) -> None:
    lock = make()
    holder = owner(lock)
    steps = []

    def take() -> None:
        with lock:
            steps.append("has it")
        weft.checkpoint()
        steps.append("never")

    waiter = parked_in(take)
    waiter.cancel()
    weft.checkpoint()
    assert waiter.state == "parked"
    lowlevel.unpark(holder)
    with pytest.raises(weft.Cancelled):
        waiter.result()
    assert steps == ["has it"]


@KINDS
def test_a_wait_with_timeout_is_cancelled_and_the_next_gets_it(make) -> None:
    lock = make()
    holder = owner(lock)
    first, second = parked_in(lock.acquire, True, 60), parked_in(lock.acquire)
    first.cancel()
    with pytest.raises(weft.Cancelled):
        first.result()
    assert second.state == "parked"
    lowlevel.unpark(holder)
    assert second.result() is True


@KINDS
def test_a_cancellation_after_the_hand_over_comes_later(make) -> None:
    lock = make()
    lock.acquire()
    steps = []

    def take() -> None:
        steps.append(lock.acquire(timeout=60))
        lock.release()
        weft.checkpoint()
        steps.append("never")

    waiter = parked_in(take)
    lock.release()
    waiter.cancel()
    with pytest.raises(weft.Cancelled):
        waiter.result()
    assert steps == [True]
    assert lock.acquire(False)


@KINDS
def test_an_uncontended_acquire_never_delivers_a_cancellation(make) -> None:
    lock = make()

    def busy() -> str:
        weft.current().cancel()
        end = weft.now() + 0.02
        while weft.now() < end:
            with lock:
                assert lock.acquire(False) is (make is RLock)
            if make is RLock:
                lock.release()
        return "survived"

    def clumsy() -> str:
        lock.acquire()
        return busy()

    task = weft.spawn(busy if make is not RLock else clumsy)
    assert task.result() == "survived"


def test_a_task_that_spins_on_a_lock_lets_others_run() -> None:
    lock, flags = allocate_lock(), []

    def spin() -> None:
        while not flags:
            with lock:
                pass

    def spin_on_a_held_one() -> None:
        while not flags:
            held.acquire(False)

    held = allocate_lock()
    held.acquire()
    for spinner in (spin, spin_on_a_held_one):
        del flags[:]
        task = weft.spawn(spinner)
        weft.spawn(flags.append, True)
        task.join()


def test_news_that_come_after_the_cancellation_was_sent_are_taken() -> None:
    signal = allocate_signal()
    signal.acquire()
    steps = []

    def wait() -> None:
        steps.append(signal.acquire())
        weft.checkpoint()
        steps.append("never")

    waiter = parked_in(wait)
    waiter.cancel()
    assert waiter.state == "ready"
    signal.release()
    with pytest.raises(weft.Cancelled):
        waiter.result()
    assert steps == [True]
    assert signal.locked(), "the release was the waiter's"


def test_waiting_for_news_is_cancelled() -> None:
    signal = allocate_signal()
    signal.acquire()
    waiter = parked_in(signal.acquire)
    waiter.cancel()
    with pytest.raises(weft.Cancelled):
        waiter.result()
    signal.release()
    assert not signal.locked()


# -- latches -----------------------------------------------------------------------------


def test_a_latch_opens_for_all_who_wait_and_all_who_come() -> None:
    latch = allocate_latch()
    assert latch.acquire() and latch.locked()
    waiters = [parked_in(latch.acquire), parked_in(latch.acquire, True, 60)]
    latch.release()
    assert not latch.locked()
    assert [waiter.result() for waiter in waiters] == [True, True]
    assert latch.acquire() and latch.acquire(False)
    latch.release()
    assert not latch.locked()


def test_a_latch_is_closed_again_only_after_a_fork() -> None:
    latch = allocate_latch()
    latch.acquire()
    latch.release()
    latch._at_fork_reinit()
    assert latch.acquire() and not latch.acquire(False)


def test_waiting_for_a_latch_is_cancelled_and_times_out() -> None:
    latch = allocate_latch()
    latch.acquire()
    assert latch.acquire(timeout=0.001) is False
    waiter = parked_in(latch.acquire)
    waiter.cancel()
    with pytest.raises(weft.Cancelled):
        waiter.result()
    assert latch.locked()


@KINDS
def test_the_last_destructors_take_free_locks_without_giving_way(make, program) -> None:
    """When the interpreter ends no greenlet runs any more, nor could the hub's."""
    output = program(
        f"""
        import weft
        from weft._core import _trial
        from weft._core._lock import {make.__name__}
        class Held:
            def __init__(self):
                self.lock = {make.__name__}()
            def __del__(self):
                for _ in range(10):
                    self.lock.acquire()
                    self.lock.release()
                print("taken")
        _trial.shuffle(1)                # where every operation lets others run
        weft.checkpoint()
        held = Held()
        """
    )
    assert output == "taken\n"
