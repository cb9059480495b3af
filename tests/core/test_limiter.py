"""CapacityLimiter: one token a task, and a total that changes; the rest is in test_acquire.py."""

import re

import pytest

import weft
from weft import lowlevel


def parked_in(fn, *args) -> weft.Task:
    task = lowlevel.spawn_in(fn, args, name="other")
    while task.state in ("new", "ready"):
        weft.checkpoint()
    assert task.state == "parked", task
    return task


def borrower(limiter: weft.CapacityLimiter) -> weft.Task:
    """A task that has a token, or waits for one, and gives it back when it is unparked."""

    def borrow() -> None:
        with limiter:
            lowlevel.park("test")

    return parked_in(borrow)


def finish(*tasks: weft.Task) -> None:
    for task in tasks:
        lowlevel.unpark(task)
        task.join()


def test_it_knows_who_has_a_token() -> None:
    limiter = weft.CapacityLimiter(3)
    assert (limiter.total, limiter.borrowed, limiter.available) == (3, 0, 3)
    tasks = [borrower(limiter) for _ in range(2)]
    assert limiter.holders() == tasks
    assert (limiter.borrowed, limiter.available, limiter.locked()) == (2, 1, False)
    with limiter:
        assert limiter.holders() == [*tasks, weft.current()]
        assert limiter.locked()
    finish(*tasks)
    assert limiter.holders() == [] and limiter.available == 3


def test_a_second_token_for_the_same_task_is_an_error_even_without_waiting() -> None:
    limiter = weft.CapacityLimiter(2)
    with limiter:
        for seconds in (None, 0, 5):
            with pytest.raises(weft.TaskError, match=r"task 'main' has a token of .* already"):
                limiter.acquire(seconds)
        assert limiter.borrowed == 1
    assert limiter.borrowed == 0


def test_releasing_without_a_token_is_an_error(in_thread) -> None:
    limiter = weft.CapacityLimiter(2)
    task = borrower(limiter)
    with pytest.raises(weft.TaskError, match=r"task 'main' cannot release .* has no token"):
        limiter.release()
    with pytest.raises(weft.TaskError, match="has no token"):
        in_thread(limiter.release)
    assert limiter.holders() == [task]
    finish(task)


@pytest.mark.parametrize("total", [0, -1])
def test_a_total_below_one_is_an_error(total) -> None:
    with pytest.raises(ValueError, match=f"total of at least 1, not {total}"):
        weft.CapacityLimiter(total)
    limiter = weft.CapacityLimiter(2)
    with pytest.raises(ValueError, match=f"total of at least 1, not {total}"):
        limiter.total = total
    assert limiter.total == 2


def test_the_total_must_be_given_and_an_integer() -> None:
    for arguments in ((), ("3",), (2.5,), (1, 2)):
        with pytest.raises(TypeError):
            weft.CapacityLimiter(*arguments)


def test_a_larger_total_goes_to_those_who_wait_in_their_order() -> None:
    limiter = weft.CapacityLimiter(1)
    tasks = [borrower(limiter) for _ in range(4)]
    assert limiter.statistics() == {"total": 1, "borrowed": 1, "waiting": 3}
    limiter.total = 3
    assert limiter.holders() == tasks[:3], "at once"
    assert limiter.statistics() == {"total": 3, "borrowed": 3, "waiting": 1}
    weft.checkpoint()
    finish(*tasks)
    assert limiter.statistics() == {"total": 3, "borrowed": 0, "waiting": 0}


def test_with_a_smaller_total_nobody_gets_one_until_enough_are_back() -> None:
    limiter = weft.CapacityLimiter(3)
    tasks = [borrower(limiter) for _ in range(4)]
    limiter.total = 1
    assert (limiter.borrowed, limiter.available) == (3, 0)
    finish(tasks[0], tasks[1])
    assert limiter.holders() == [tasks[2]]
    finish(tasks[2])
    assert limiter.holders() == [tasks[3]]
    weft.checkpoint()
    finish(tasks[3])
    assert limiter.available == 1


def test_who_ended_with_a_token_can_still_be_named() -> None:
    limiter = weft.CapacityLimiter(1)
    task = weft.spawn(limiter.acquire)
    task.join()
    assert limiter.holders() == [task] and limiter.acquire(0) is False
    limiter.total = 2
    with limiter:
        pass
    assert limiter.available == 1


def test_repr_tells_tokens_and_waiters() -> None:
    limiter = weft.CapacityLimiter(2)
    tasks = [borrower(limiter) for _ in range(3)]
    shape = r"<weft.CapacityLimiter at 0x[0-9a-f]+ 2 of 2 borrowed, 1 waiting>"
    assert re.fullmatch(shape, repr(limiter))
    assert tasks[2].wait_kind == "limiter" and tasks[2].wait_object is limiter
    finish(tasks[0])
    weft.checkpoint()
    finish(*tasks[1:])
