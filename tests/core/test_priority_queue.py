"""PriorityQueue: its heap, whatever a comparison does, and the places it promises."""

import queue as stdlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft


def parked(fn, *arguments, **keywords) -> weft.Task:
    """A task that runs this and waits."""
    task = weft.spawn(fn, *arguments, **keywords)
    while task.state in ("new", "ready"):
        weft.checkpoint()
    assert task.state == "parked"
    return task


def putter(items: weft.Queue, item: object, *arguments) -> weft.Task:
    task = parked(items.put, item, *arguments)
    assert task.state == "parked"
    return task


def full_of(*items: object) -> weft.PriorityQueue:
    queue = weft.PriorityQueue(len(items))
    for item in items:
        queue.put(item)
    return queue


@given(st.lists(st.integers()), st.data())
def test_a_priority_queue_has_the_stdlibs_heap(numbers, data) -> None:
    """Equal items, which the heap may give in any order, come in the stdlib's."""

    class Coarse(int):
        def __lt__(self, other: int) -> bool:
            return self // 8 < other // 8

    ours, theirs = weft.PriorityQueue(), stdlib.PriorityQueue()
    for number in map(Coarse, numbers):
        if data.draw(st.booleans()) and not ours.empty():
            assert ours.get() is theirs.get()
        ours.put(number)
        theirs.put(number)
    for _ in numbers:
        if not theirs.empty():
            assert ours.get() is theirs.get()


def test_a_priority_queue_promises_the_place_to_the_first_putter() -> None:
    """It compares its item itself, so that an error comes out of its own put."""
    items = full_of(1)
    first, second = putter(items, 3), putter(items, 2)
    assert items.get() == 1
    assert items.full() and items.qsize() == 0
    with pytest.raises(stdlib.Full):
        items.put_nowait(0)
    first.result()
    assert items.qsize() == 1 and not second.done
    assert [items.get(), items.get()] == [3, 2]
    second.result()


def test_the_place_promised_to_a_task_that_is_thrown_into_is_free(program) -> None:
    source = """
        import greenlet, os, weft

        items = weft.PriorityQueue(1)
        items.put(1)

        def victim():
            try:
                items.put(2)
            except KeyError:
                print(items.full(), items.statistics()["items"], flush=True)
                os._exit(0)

        task = weft.spawn(victim)
        weft.checkpoint()
        items.get()
        assert items.full()
        greenlet.greenlet.throw(task, KeyError("thrown"))
    """
    assert program(source) == "False 0\n"


def test_a_putter_that_was_promised_a_place_is_told_of_the_shutdown() -> None:
    items = full_of(1)
    task = putter(items, 2)
    assert items.get() == 1
    items.shutdown()
    with pytest.raises(weft.ShutDown):
        task.result()
    assert items.qsize() == 0 and items.unfinished_tasks == 1


class Nosy:
    """An item that does something whenever it is compared."""

    def __init__(self, number: int, act=lambda: None) -> None:
        self.number, self.act = number, act

    def __lt__(self, other: "Nosy") -> bool:
        self.act()
        return self.number < other.number


def drain(items: weft.Queue) -> list[int]:
    return [items.get_nowait().number for _ in range(items.qsize())]


def test_items_that_cannot_be_compared_leave_the_queue_as_it_was() -> None:
    items = weft.PriorityQueue()
    for item in (3, 1, 2):
        items.put(item)
    with pytest.raises(TypeError):
        items.put("four")
    assert [items.get(), items.get(), items.get()] == [1, 2, 3]
    assert items.unfinished_tasks == 3


def test_a_putter_that_waited_and_cannot_be_compared_passes_its_place_on() -> None:
    items = full_of(1, 2)
    first, second = putter(items, "three"), putter(items, 4)
    assert items.get() == 1
    with pytest.raises(TypeError):
        first.result()
    second.result()
    assert [items.get(), items.get()] == [2, 4]
    items.put(5)
    items.put(6)
    assert items.full() and items.qsize() == 2


def test_an_error_in_a_get_loses_nothing() -> None:
    items = weft.PriorityQueue()
    moods = []

    def complain() -> None:
        if moods:
            raise OSError(moods.pop())

    for number in (3, 1, 2, 0):
        items.put(Nosy(number, complain))
    moods.append("once")
    with pytest.raises(OSError, match="once"):
        items.get()
    assert drain(items) == [0, 1, 2, 3]


def test_a_comparison_may_put_and_get() -> None:
    items = weft.PriorityQueue()
    left = [40, 41, 42]
    taken = []

    def meddle() -> None:
        if left:
            number = left.pop()
            items.put(Nosy(number))
            if number == 41:
                taken.append(items.get().number)

    for number in (5, 4, 3):
        items.put(Nosy(number, meddle))
    found = drain(items)
    assert found == sorted(found)
    assert sorted(found + taken) == [3, 4, 5, 40, 41, 42]


def test_comparisons_that_let_others_run_keep_the_heap_right() -> None:
    items = weft.PriorityQueue()
    numbers = [(n * 7919) % 101 for n in range(60)]
    got: list[int] = []

    def put(some: list[int]) -> None:
        for number in some:
            items.put(Nosy(number, weft.checkpoint))

    def get() -> None:
        for _ in range(10):
            got.append(items.get().number)

    tasks = [weft.spawn(put, numbers[n::4]) for n in range(4)]
    tasks += [weft.spawn(get) for _ in range(2)]
    weft.joinall(tasks)
    rest = drain(items)
    assert rest == sorted(rest)
    assert sorted(got + rest) == sorted(numbers)
