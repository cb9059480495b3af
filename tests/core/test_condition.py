"""Condition: notifications, none of them lost, and the lock held again whatever is thrown."""

import re
from collections.abc import Iterator

import pytest

import weft
from weft import lowlevel
from weft.testing import Clock, virtual_time

HOUR = 3600


@pytest.fixture
def virtual_clock() -> Iterator[Clock]:
    with virtual_time() as clock:
        yield clock


class Waiter:
    """A task that waits on a condition; what came of it, and whether it had the lock then."""

    def __init__(self, condition: weft.Condition, *arguments) -> None:
        self.condition = condition
        self.found: object = None
        self.task = lowlevel.spawn_in(self.run, arguments, name="waiter")
        while self.task.state in ("new", "ready"):
            weft.checkpoint()
        assert self.task.wait_kind == "condition", self.task

    def run(self, *arguments) -> None:
        with self.condition:
            try:
                self.found = self.condition.wait(*arguments)
            except BaseException as error:
                self.found = type(error)
            assert self.condition.lock.owner is weft.current()

    def outcome(self) -> object:
        self.task.join()
        assert self.task.exception is None
        return self.found


def notify(condition: weft.Condition, n: int = 1) -> None:
    with condition:
        condition.notify(n)


def time_out(waiter: Waiter, clock: Clock) -> None:
    clock.advance(2 * HOUR)
    while waiter.task.state == "parked":
        weft.checkpoint()


@pytest.fixture(params=[None, weft.Lock, weft.RLock], ids=["default", "lock", "rlock"])
def condition(request) -> weft.Condition:
    return weft.Condition(request.param and request.param())


def test_its_lock_is_the_one_it_was_given_or_an_rlock_of_its_own() -> None:
    lock = weft.Lock()
    assert weft.Condition(lock).lock is lock
    assert isinstance(weft.Condition().lock, weft.RLock)
    with weft.Condition(lock):
        assert lock.locked()


@pytest.mark.parametrize("wrong", [1, "lock", object()], ids=str)
def test_other_locks_are_refused(wrong) -> None:
    with pytest.raises(TypeError, match=r"a Condition needs a weft.Lock or weft.RLock, not"):
        weft.Condition(wrong)


def test_wait_gives_the_lock_up_and_has_it_again(condition) -> None:
    waiter = Waiter(condition)
    assert not condition.locked()
    notify(condition)
    assert waiter.outcome() is True
    assert not condition.locked()


def test_notify_wakes_the_first_n_in_the_order_they_came(condition) -> None:
    waiters = [Waiter(condition) for _ in range(5)]
    assert condition.statistics() == {"waiting": 5}
    notify(condition)
    assert [waiter.task.state for waiter in waiters] == ["ready"] + ["parked"] * 4
    notify(condition, 2)
    assert [waiter.task.state for waiter in waiters] == ["ready"] * 3 + ["parked"] * 2
    with condition:
        condition.notify(0)
        condition.notify_all()
        condition.notify_all()
    assert [waiter.outcome() for waiter in waiters] == [True] * 5


def test_a_notification_nobody_waits_for_is_over(condition) -> None:
    notify(condition, 3)
    with condition:
        assert condition.wait(0) is False


def test_waiters_notified_have_the_lock_one_after_the_other(condition) -> None:
    inside = []

    def wait() -> None:
        with condition:
            condition.wait()
            inside.append("in")
            weft.checkpoint()
            inside.append("out")

    tasks = [weft.spawn(wait) for _ in range(3)]
    weft.checkpoint()
    notify(condition, 3)
    weft.joinall(tasks)
    assert inside == ["in", "out"] * 3


@pytest.mark.parametrize("name", ["wait", "notify", "notify_all"])
def test_without_the_lock_it_is_an_error_that_says_so(condition, name) -> None:
    with pytest.raises(weft.TaskError, match=r"cannot \w+ on the condition of .*hold the lock fir"):
        getattr(condition, name)()
    task = weft.spawn(lowlevel.park, "test")
    with condition:
        other = weft.spawn(getattr(condition, name))
        other.join()
        assert "held by task 'main'" in str(other.exception)
    lowlevel.unpark(task)
    task.cancel()
    task.join()


def test_wait_for_looks_first_and_after_each_notification(condition) -> None:
    values = [0, "", "found"]
    with condition:
        assert condition.wait_for(lambda: "there already") == "there already"

    def wait() -> object:
        with condition:
            return condition.wait_for(lambda: values.pop(0))

    task = weft.spawn(wait)
    for _ in range(2):
        weft.checkpoint()
        assert task.state == "parked"
        notify(condition)
    assert task.result() == "found"
    assert values == []


def test_wait_for_gives_up_with_the_last_value(condition, virtual_clock) -> None:
    looks = []

    def look() -> list[int]:
        looks.append(1)
        return []

    start = weft.now()
    with condition:
        assert condition.wait_for(look, HOUR) == []
        assert condition.wait_for(look, 0) == []
    assert weft.now() - start == pytest.approx(HOUR)
    assert len(looks) == 4


def test_notifications_that_do_not_help_do_not_prolong_wait_for(condition, virtual_clock) -> None:
    def wait() -> float:
        start = weft.now()
        with condition:
            assert condition.wait_for(lambda: False, HOUR) is False
        return weft.now() - start

    task = weft.spawn(wait)
    for _ in range(3):
        weft.sleep(HOUR / 4)
        notify(condition)
    assert task.result() == pytest.approx(HOUR)


def test_what_a_predicate_raises_is_raised_with_the_lock_held(condition) -> None:
    def predicate() -> bool:
        raise ArithmeticError

    with condition:
        with pytest.raises(ArithmeticError):
            condition.wait_for(predicate)
        assert condition.locked()


def test_an_rlock_is_given_up_entirely_and_held_as_often_again() -> None:
    condition = weft.Condition()
    with condition, condition, condition:
        task = weft.spawn(notify, condition)
        assert condition.wait() is True
        assert condition.lock.statistics()["held"] == 3
    assert not condition.locked()
    task.join()


# -- time ------------------------------------------------------------------------------


def test_wait_times_out_and_leaves_the_list(condition, virtual_clock) -> None:
    start = weft.now()
    with condition:
        assert condition.wait(HOUR) is False
        assert condition.lock.owner is weft.current()
    assert weft.now() - start == pytest.approx(HOUR)
    assert condition.statistics() == {"waiting": 0}


def test_a_wait_of_no_time_lets_others_have_the_lock(condition) -> None:
    with condition:
        task = weft.spawn(notify, condition)
        weft.checkpoint()
        assert task.wait_kind == "lock"
        condition.wait(0)
        assert task.done


def test_taking_the_lock_again_outlasts_the_deadline(condition, virtual_clock) -> None:
    waiter = Waiter(condition, HOUR)
    with condition:
        weft.sleep(2 * HOUR)
        assert waiter.task.wait_kind == "lock"
        weft.sleep(HOUR)
    assert waiter.outcome() is False


def test_a_notification_passes_over_who_timed_out(condition, virtual_clock) -> None:
    late, patient = Waiter(condition, HOUR), Waiter(condition)
    time_out(late, virtual_clock)
    notify(condition)
    assert late.outcome() is False
    assert patient.outcome() is True


def test_a_deadline_that_passes_after_the_notification_changes_nothing(
    condition, virtual_clock
) -> None:
    waiter = Waiter(condition, HOUR)
    notify(condition)
    virtual_clock.advance(2 * HOUR)
    assert waiter.outcome() is True


# -- cancellation --------------------------------------------------------------------------


def test_a_cancelled_wait_raises_with_the_lock_held(condition) -> None:
    waiter = Waiter(condition)
    with condition:
        waiter.task.cancel()
        weft.checkpoint()
        assert waiter.task.wait_kind == "lock", "first it wants the lock"
        waiter.task.cancel()
        weft.checkpoint()
        assert waiter.task.state == "parked", "and no cancellation keeps it from that"
    assert waiter.outcome() is weft.Cancelled
    assert condition.statistics() == {"waiting": 0}


def test_a_notification_passes_over_who_was_cancelled(condition) -> None:
    first, second = Waiter(condition), Waiter(condition)
    first.task.cancel()
    notify(condition)
    assert first.outcome() is weft.Cancelled
    assert second.outcome() is True


def test_a_cancellation_after_the_notification_comes_at_the_next_checkpoint(condition) -> None:
    steps = []

    def wait() -> None:
        with condition:
            steps.append(condition.wait())
        weft.checkpoint()
        steps.append("never")

    task = weft.spawn(wait)
    weft.checkpoint()
    notify(condition)
    task.cancel()
    with pytest.raises(weft.Cancelled):
        task.result()
    assert steps == [True]


def test_a_cancellation_that_is_due_is_raised_before_the_lock_is_given_up(condition) -> None:
    def wait() -> None:
        with condition:
            weft.current().cancel()
            with pytest.raises(weft.Cancelled):
                condition.wait()
            assert condition.lock.owner is weft.current()

    weft.spawn(wait).result()


def test_of_deadline_and_cancellation_the_first_decides(condition, virtual_clock) -> None:
    late, cancelled = Waiter(condition, HOUR), Waiter(condition, 4 * HOUR)
    time_out(late, virtual_clock)
    late.task.cancel()
    cancelled.task.cancel()
    assert (late.outcome(), cancelled.outcome()) == (False, weft.Cancelled)


def test_all_that_is_thrown_meanwhile_comes_out_one_after_the_other(condition) -> None:
    seen = []

    def wait() -> None:
        with condition:
            for step in (condition.wait, weft.checkpoint, weft.checkpoint, weft.checkpoint):
                try:
                    step()
                    seen.append("nothing")
                except (weft.Cancelled, KeyError) as error:
                    seen.append(error.args[0])

    task = weft.spawn(wait)
    weft.checkpoint()
    with condition:
        task.cancel("first")
        weft.checkpoint()
        assert lowlevel.unpark(task, exception=KeyError("second"))
        task.cancel("third")
        weft.checkpoint()
    task.join()
    assert seen == ["first", "second", "third", "nothing"]


def test_a_timeout_around_it_ends_the_wait(condition, virtual_clock) -> None:
    def wait() -> None:
        with weft.timeout(HOUR), condition:
            condition.wait()

    task = weft.spawn(wait)
    task.join()
    assert isinstance(task.exception, TimeoutError)
    assert not condition.locked()


def test_what_is_thrown_on_the_way_to_the_lock_passes_the_notification_on(condition) -> None:
    """As Ctrl-C is in the main task: into waits, too, that no cancellation ends."""
    first, second = Waiter(condition), Waiter(condition)
    with condition:
        condition.notify()
        weft.checkpoint()
        assert first.task.wait_kind == "lock"
        assert lowlevel.unpark(first.task, exception=KeyboardInterrupt())
        weft.checkpoint()
        assert first.task.wait_kind == "lock" and second.task.wait_kind == "condition"
    assert first.outcome() is KeyboardInterrupt
    assert second.outcome() is True


# -- how it looks ----------------------------------------------------------------------------


def test_a_waiter_says_what_it_waits_for() -> None:
    condition = weft.Condition()
    waiter = Waiter(condition)
    assert waiter.task.wait_object is condition
    shape = r"<weft.Condition at 0x\w+ 1 waiting, on <weft.RLock at 0x\w+ free>>"
    assert re.fullmatch(shape, repr(condition))
    notify(condition)
    waiter.outcome()


def test_a_condition_of_native_threads(in_thread) -> None:
    condition, items = weft.Condition(), []

    def produce() -> None:
        for number in range(5):
            with condition:
                items.append(number)
                condition.notify()

    def consume() -> list[int]:
        got: list[int] = []
        while len(got) < 5:
            with condition:
                condition.wait_for(lambda: items)
                got.append(items.pop(0))
        return got

    task = weft.spawn(consume)
    weft.checkpoint()
    in_thread(produce)
    assert task.result() == [0, 1, 2, 3, 4]
