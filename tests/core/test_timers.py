"""Deadlines: in order, never early, gone when cancelled."""

import time
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from weft import lowlevel

# How far a deadline lies from the base, in steps; and which of the sleepers so far is cancelled.
ARM = st.tuples(st.just("arm"), st.integers(-3, 200))
CANCEL = st.tuples(st.just("cancel"), st.integers(0, 100))
STEP = 1e-6


class Sleepers:
    """Tasks that wait until a deadline each; ``fired`` has them in the order of waking."""

    def __init__(self, base: float) -> None:
        self.base = base
        self.tasks: list[weft.Task] = []
        self.steps: list[int] = []
        self.fired: list[int] = []

    def sleep(self, me: int, deadline: float) -> None:
        try:
            lowlevel.park("deadline", deadline=deadline)
        except TimeoutError:
            assert weft.now() >= deadline
            self.fired.append(me)

    def arm(self, steps: int) -> None:
        me = len(self.tasks)
        self.steps.append(steps)
        self.tasks.append(weft.spawn(self.sleep, me, self.base + steps * STEP))
        weft.checkpoint()

    def cancel(self, number: int) -> None:
        if self.tasks:
            lowlevel.unpark(self.tasks[number % len(self.tasks)])
            weft.checkpoint()


def play(operations: list[tuple[str, int]], margin: float) -> Sleepers | None:
    """Do ``operations`` with deadlines around ``margin`` from now; None if one came too soon."""
    sleepers = Sleepers(weft.now() + margin)
    cancelled = set()
    for operation, number in operations:
        getattr(sleepers, operation)(number)
        if operation == "cancel" and sleepers.tasks:
            cancelled.add(number % len(sleepers.tasks))
    too_soon = bool(sleepers.fired)
    while weft.now() < sleepers.base + 201 * STEP:
        pass
    weft.joinall(sleepers.tasks)
    if too_soon:
        return None
    kept = [i for i in range(len(sleepers.tasks)) if i not in cancelled]
    assert sleepers.fired == sorted(kept, key=lambda i: (sleepers.steps[i], i))
    return sleepers


@given(st.lists(ARM | CANCEL, max_size=80))
def test_deadlines_expire_in_order_and_ties_in_the_order_armed(operations) -> None:
    margin = 0.002
    while play(operations, margin) is None:
        margin *= 4


@given(st.lists(st.integers(0, 200), min_size=10, max_size=70), st.sets(st.integers(0, 69)))
def test_what_is_cancelled_from_the_middle_leaves_the_rest_in_order(steps, cancelled) -> None:
    margin = 0.002
    cancelled = {number for number in cancelled if number < len(steps)}
    operations = [("arm", step) for step in steps] + [("cancel", n) for n in sorted(cancelled)]
    while play(operations, margin) is None:
        margin *= 4


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), max_size=300))
def test_each_wake_up_takes_one_timer_out(steps_and_ranks) -> None:
    """Deadlines far away: none expires; each task is woken, in the order of the ranks."""
    before = lowlevel.statistics()["timers"]
    far = weft.now() + 1e6
    tasks = [
        (rank, weft.spawn(lowlevel.park, "far", None, far + step)) for step, rank in steps_and_ranks
    ]
    weft.checkpoint()
    left = len(tasks)
    assert lowlevel.statistics()["timers"] == before + left
    for _, task in sorted(tasks, key=lambda pair: pair[0]):
        assert lowlevel.unpark(task)
        task.join()
        left -= 1
        assert lowlevel.statistics()["timers"] == before + left


@given(st.integers(1, 2_000_000))
def test_sleep_is_never_early(nanoseconds) -> None:
    start = time.monotonic_ns()
    weft.sleep(nanoseconds / 1e9)
    assert time.monotonic_ns() - start >= nanoseconds


def test_sleep_of_nothing_lets_others_run() -> None:
    ran: list[int] = []
    weft.spawn(ran.append, 1)
    weft.sleep(0)
    assert ran == [1]


@pytest.mark.parametrize("seconds", [-1, -1e-9, -inf, nan])
def test_sleep_refuses_what_is_no_length_of_time(seconds) -> None:
    with pytest.raises(ValueError):
        weft.sleep(seconds)


@pytest.mark.parametrize("seconds", ["1", None, [], 1j])
def test_sleep_refuses_what_is_no_number(seconds) -> None:
    with pytest.raises(TypeError):
        weft.sleep(seconds)


@pytest.mark.parametrize("seconds", [1e9, 1e18, 1e300, inf, 10**15])
def test_a_sleep_of_ages_parks_and_can_be_cancelled(seconds) -> None:
    task = weft.spawn(weft.sleep, seconds)
    weft.sleep(0.0001)
    assert task.state == "parked"
    task.cancel()
    task.join()
    assert isinstance(task.exception, weft.Cancelled)


@pytest.mark.parametrize("deadline", [-inf, -1.0, 0.0])
def test_a_past_deadline_expires_at_once(deadline) -> None:
    with pytest.raises(TimeoutError):
        lowlevel.park("past", deadline=deadline)


def test_a_deadline_that_is_no_number_is_never() -> None:
    task = weft.spawn(lowlevel.park, "nan", None, nan)
    weft.sleep(0.0001)
    assert task.state == "parked"
    assert lowlevel.unpark(task)
    task.join()


def test_ten_thousand_timers_are_given_back() -> None:
    tasks = [weft.spawn(weft.sleep, 3600) for _ in range(10_000)]
    weft.checkpoint()
    assert lowlevel.statistics()["timers"] >= 10_000
    for task in tasks:
        task.cancel()
    weft.joinall(tasks)
