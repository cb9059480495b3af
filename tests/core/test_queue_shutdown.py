"""Queues that are shut down, at every point, and joined."""

import pytest

import weft


def parked(fn, *arguments, **keywords) -> weft.Task:
    """A task that runs this and waits."""
    task = weft.spawn(fn, *arguments, **keywords)
    while task.state in ("new", "ready"):
        weft.checkpoint()
    assert task.state == "parked"
    return task


EACH = pytest.mark.parametrize(
    "kind", [weft.Queue, weft.LifoQueue, weft.PriorityQueue], ids=lambda kind: kind.__name__
)


def getter(items: weft.Queue, *arguments) -> weft.Task:
    task = parked(items.get, *arguments)
    assert task.state == "parked"
    return task


def putter(items: weft.Queue, item: object, *arguments) -> weft.Task:
    task = parked(items.put, item, *arguments)
    assert task.state == "parked"
    return task


def full_of(*items: object, kind: type[weft.Queue] = weft.Queue) -> weft.Queue:
    queue = kind(len(items))
    for item in items:
        queue.put(item)
    return queue


@EACH
def test_after_shutdown_it_is_drained_and_takes_nothing(kind) -> None:
    items = kind()
    items.put(1)
    items.shutdown()
    for call in (lambda: items.put(2), lambda: items.put_nowait(2)):
        with pytest.raises(weft.ShutDown, match=r"weft\.\w+ at .* was shut down"):
            call()
    assert items.get() == 1
    for call in (items.get, items.get_nowait):
        with pytest.raises(weft.ShutDown):
            call()
    items.shutdown()


@EACH
@pytest.mark.parametrize("immediate", [False, True])
def test_shutdown_ends_all_who_wait(kind, immediate) -> None:
    empty, full = kind(), full_of(1, kind=kind)
    tasks = [getter(empty), getter(empty, True, 100), putter(full, 2), putter(full, 3, True, 100)]
    empty.shutdown(immediate)
    full.shutdown(immediate)
    for task in tasks:
        with pytest.raises(weft.ShutDown):
            task.result()
    assert full.qsize() == (0 if immediate else 1)


@EACH
def test_shutdown_between_hand_over_and_resume_changes_nothing(kind) -> None:
    items = kind()
    task = getter(items)
    items.put("item")
    items.shutdown(immediate=True)
    assert task.result() == "item"


def test_iteration_ends_at_shutdown() -> None:
    items = weft.Queue()
    task = weft.spawn(list, items)
    for item in range(3):
        items.put(item)
        weft.checkpoint()
    items.shutdown()
    assert task.result() == [0, 1, 2]
    assert list(items) == []


def test_join_waits_until_all_is_done() -> None:
    items = weft.Queue()
    items.join()
    items.put(1)
    items.put(2)
    task = parked(items.join)
    assert task.wait_kind == "queue join" and task.wait_object is items
    items.get()
    items.task_done()
    weft.checkpoint()
    assert not task.done
    items.task_done()
    task.result()
    with pytest.raises(ValueError, match="too many times"):
        items.task_done()


def test_immediate_shutdown_counts_what_is_dropped_as_done() -> None:
    items = weft.Queue()
    items.put(1)
    items.put(2)
    items.get()
    task = parked(items.join)
    items.shutdown(immediate=True)
    weft.checkpoint()
    assert not task.done
    items.task_done()
    task.result()


def test_a_join_can_be_cancelled() -> None:
    items = full_of(1)
    task = parked(items.join)
    task.cancel()
    with pytest.raises(weft.Cancelled):
        task.result()
    items.task_done()


def test_what_is_dropped_may_use_the_queue(unraisable) -> None:
    items = weft.Queue()
    seen = []

    class Last:
        def __del__(self) -> None:
            seen.append((items.qsize(), items.is_shutdown))

    items.put(Last())
    items.put(Last())
    items.shutdown(immediate=True)
    assert seen == [(0, True), (0, True)]
    assert unraisable == []
