"""weft.queue without a patch: the stdlib's queues between tasks."""

import queue as stdlib

import pytest

import weft
from weft import queue as green

QUEUES = pytest.mark.parametrize("name", ["Queue", "LifoQueue", "PriorityQueue", "SimpleQueue"])


def test_names_and_errors_are_the_stdlibs() -> None:
    assert green.__all__ == stdlib.__all__
    for name in ("Empty", "Full", "ShutDown"):
        assert getattr(green, name, None) is getattr(stdlib, name, None)


@QUEUES
def test_a_task_waits_for_an_item_and_another_puts_it(name) -> None:
    items = getattr(green, name)()
    getter = weft.spawn(items.get)
    weft.checkpoint()
    assert getter.state == "parked"
    items.put(1)
    assert getter.result() == 1


@QUEUES
def test_a_get_times_out_with_the_stdlibs_empty(name) -> None:
    items = getattr(green, name)()
    with pytest.raises(stdlib.Empty):
        items.get(timeout=0.001)
    with pytest.raises(stdlib.Empty):
        items.get_nowait()


def test_a_full_queue_holds_putters_back() -> None:
    items = green.Queue(1)
    items.put(1)
    with pytest.raises(stdlib.Full):
        items.put(2, timeout=0.001)
    putter = weft.spawn(items.put, 2)
    weft.checkpoint()
    assert putter.state == "parked"
    assert [items.get(), items.get()] == [1, 2]
    putter.join()


def test_join_waits_until_every_item_is_done() -> None:
    items = green.Queue()
    for item in range(3):
        items.put(item)
    joiner = weft.spawn(items.join)
    for _ in range(3):
        weft.checkpoint()
        assert not joiner.done
        items.get()
        items.task_done()
    joiner.join()


def test_orders_are_the_stdlibs() -> None:
    for name, expected in (
        ("Queue", [3, 1, 2]),
        ("LifoQueue", [2, 1, 3]),
        ("PriorityQueue", [1, 2, 3]),
    ):
        items = getattr(green, name)()
        for item in (3, 1, 2):
            items.put(item)
        assert [items.get() for _ in range(3)] == expected
