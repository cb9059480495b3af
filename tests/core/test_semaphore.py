"""Semaphore and BoundedSemaphore: how many may pass; the rest is in test_acquire.py."""

import re
import threading

import pytest

import weft


def parked_in(fn, *args) -> weft.Task:
    task = weft.spawn(fn, *args)
    while task.state in ("new", "ready"):
        weft.checkpoint()
    assert task.state == "parked", task
    return task


@pytest.mark.parametrize("make", [weft.Semaphore, weft.BoundedSemaphore])
def test_so_many_may_pass(make) -> None:
    semaphore = make(3)
    assert [semaphore.acquire(0) for _ in range(4)] == [True, True, True, False]
    assert semaphore.locked()
    semaphore.release()
    assert not semaphore.locked()
    assert semaphore.acquire(0)


@pytest.mark.parametrize("make", [weft.Semaphore, weft.BoundedSemaphore])
def test_it_begins_with_one(make) -> None:
    assert make().statistics() == {"value": 1, "waiting": 0}
    assert make(value=2).statistics() == {"value": 2, "waiting": 0}


@pytest.mark.parametrize("make", [weft.Semaphore, weft.BoundedSemaphore])
def test_a_negative_value_gets_the_stdlibs_error(make) -> None:
    with pytest.raises(ValueError, match="semaphore initial value must be >= 0, not -1"):
        make(-1)


@pytest.mark.parametrize("wrong", ["1", 1.5, None], ids=str)
def test_a_value_that_is_no_integer_is_an_error(wrong) -> None:
    with pytest.raises(TypeError):
        weft.Semaphore(wrong)


def test_any_task_or_thread_releases_it(in_thread) -> None:
    news = weft.Semaphore(0)
    for release in (weft.spawn, in_thread):
        waiter = parked_in(news.acquire)
        release(news.release)
        assert waiter.result() is True


def test_it_grows_with_releases_beyond_its_first_value() -> None:
    semaphore = weft.Semaphore(0)
    for _ in range(5):
        semaphore.release()
    assert semaphore.statistics() == {"value": 5, "waiting": 0}


@pytest.mark.parametrize("value", [0, 1, 3])
def test_a_bounded_one_notices_a_release_too_many(value) -> None:
    semaphore = weft.BoundedSemaphore(value)
    for _ in range(value):
        semaphore.acquire()
    for _ in range(value):
        semaphore.release()
    with pytest.raises(ValueError, match=r"^Semaphore released too many times: ") as stdlib:
        semaphore.release()
    with pytest.raises(type(stdlib.value), match=r"^Semaphore released too many times"):
        threading.BoundedSemaphore(value).release()
    assert semaphore.statistics() == {"value": value, "waiting": 0}


def test_repr_tells_places_and_waiters() -> None:
    semaphore = weft.Semaphore(2)
    assert re.fullmatch(r"<weft.Semaphore at 0x[0-9a-f]+ 2 free, 0 waiting>", repr(semaphore))
    with weft.BoundedSemaphore(2) as entered, semaphore:
        assert entered is True
    bounded = weft.BoundedSemaphore(1)
    bounded.acquire()
    waiter = parked_in(bounded.acquire)
    assert re.search(r"<weft.BoundedSemaphore at 0x\w+ 0 of 1 free, 1 waiting>", repr(bounded))
    bounded.release()
    waiter.join()


def test_several_releases_wake_as_many() -> None:
    semaphore = weft.Semaphore(0)
    waiters = [parked_in(semaphore.acquire) for _ in range(4)]
    for _ in range(3):
        semaphore.release()
    assert [waiter.state for waiter in waiters] == ["ready"] * 3 + ["parked"]
    semaphore.release()
    weft.joinall(waiters)
    assert semaphore.statistics() == {"value": 0, "waiting": 0}


def test_a_subclass_may_have_a_constructor_of_its_own() -> None:
    class Named(weft.Semaphore):
        def __init__(self, name: str) -> None:
            self.name = name

    named = Named("x")
    with named:
        assert named.locked() and named.name == "x"
    assert repr(named).startswith("<weft.Named at")
