"""SimpleQueue: the stdlib's semantics, hand-over, cancellation, destructors."""

import queue
import types
import weakref

import pytest

import weft
from weft import lowlevel
from weft._core._simplequeue import SimpleQueue


def parked_getter(items: SimpleQueue, *arguments) -> weft.Task:
    task = weft.spawn(items.get, *arguments)
    weft.checkpoint()
    assert task.wait_kind == "queue" and task.wait_object is items
    return task


def test_first_in_first_out() -> None:
    items = SimpleQueue()
    assert items.empty() and items.qsize() == 0
    items.put(1)
    items.put_nowait(2)
    items.put(3, block=False, timeout=-1)
    assert not items.empty() and items.qsize() == 3
    assert [items.get(), items.get_nowait(), items.get(block=False)] == [1, 2, 3]


def test_empty_is_the_stdlibs() -> None:
    items = SimpleQueue()
    for call in (items.get_nowait, lambda: items.get(False), lambda: items.get(timeout=0.0005)):
        with pytest.raises(queue.Empty):
            call()


@pytest.mark.parametrize("timeout", [-1, -0.5, float("nan"), 1e100, "1", 1j], ids=str)
def test_wrong_timeouts_get_the_stdlibs_errors(timeout) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)) as expected:
        queue.SimpleQueue().get(timeout=timeout)
    with pytest.raises(expected.type):
        SimpleQueue().get(timeout=timeout)


def test_getters_get_items_in_the_order_they_came() -> None:
    items = SimpleQueue()
    getters = [parked_getter(items) for _ in range(3)]
    for item in "abc":
        items.put(item)
    assert items.empty(), "handed over at once"
    assert [getter.result() for getter in getters] == ["a", "b", "c"]


def test_none_is_an_item_like_any_other() -> None:
    items = SimpleQueue()
    items.put(None)
    assert items.get() is None
    getter = parked_getter(items)
    items.put(None)
    assert getter.result() is None


def test_an_old_value_of_the_task_is_not_taken_for_an_item() -> None:
    items = SimpleQueue()

    def run() -> object:
        lowlevel.unpark(weft.current(), "stale")
        weft.sleep(0)
        return items.get()

    task = weft.spawn(run)
    weft.checkpoint()
    weft.checkpoint()
    items.put(None)
    assert task.result() is None


def test_a_cancelled_getter_takes_nothing_with_it() -> None:
    items = SimpleQueue()
    first, second = parked_getter(items), parked_getter(items)
    first.cancel()
    items.put("only")
    assert second.result() == "only"
    with pytest.raises(weft.Cancelled):
        first.result()


def test_a_getter_that_was_handed_an_item_keeps_it() -> None:
    items = SimpleQueue()
    steps = []

    def run() -> None:
        steps.append(items.get())
        weft.checkpoint()
        steps.append("never")

    getter = weft.spawn(run)
    weft.checkpoint()
    items.put("item")
    getter.cancel()
    getter.join()
    assert isinstance(getter.exception, weft.Cancelled)
    assert steps == ["item"]


def test_a_getter_that_timed_out_is_out_of_the_queue() -> None:
    items = SimpleQueue()
    late, patient = parked_getter(items, True, 0.0005), parked_getter(items)
    late.join()
    assert isinstance(late.exception, queue.Empty)
    items.put(1)
    assert patient.result() == 1


def test_a_task_that_polls_it_lets_others_run() -> None:
    items = SimpleQueue()

    def poll() -> object:
        while items.empty():
            pass
        return items.get_nowait()

    task = weft.spawn(poll)
    weft.spawn(items.put, "came")
    assert task.result() == "came"


def test_a_destructor_may_put(unraisable) -> None:
    items = SimpleQueue()

    class Last:
        def __del__(self) -> None:
            items.put("words")

    getter = parked_getter(items)
    last = Last()
    del last
    assert getter.result() == "words"
    assert unraisable == []


def test_it_is_open_to_references_subclasses_and_subscripts() -> None:
    class Own(SimpleQueue):
        pass

    items = Own()
    reference = weakref.ref(items)
    del items
    assert reference() is None
    assert type(SimpleQueue[int]) is types.GenericAlias
