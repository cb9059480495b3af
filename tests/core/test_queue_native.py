"""Queue, LifoQueue, PriorityQueue: the stdlib's behaviour, hand-over, shutdown, cancellation."""

import gc
import queue as stdlib
import sys
import types
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from weft import lowlevel
from weft.testing import Clock, virtual_time


@pytest.fixture
def clock() -> Iterator[Clock]:
    with virtual_time() as clock:
        yield clock


def parked(fn, *arguments, **keywords) -> weft.Task:
    """A task that runs this and waits."""
    task = weft.spawn(fn, *arguments, **keywords)
    while task.state in ("new", "ready"):
        weft.checkpoint()
    assert task.state == "parked"
    return task


KINDS = {
    weft.Queue: stdlib.Queue,
    weft.LifoQueue: stdlib.LifoQueue,
    weft.PriorityQueue: stdlib.PriorityQueue,
}
EACH = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def getter(items: weft.Queue, *arguments) -> weft.Task:
    task = parked(items.get, *arguments)
    assert task.wait_kind == "queue get" and task.wait_object is items
    return task


def putter(items: weft.Queue, item: object, *arguments) -> weft.Task:
    task = parked(items.put, item, *arguments)
    assert task.wait_kind == "queue put" and task.wait_object is items
    return task


def full_of(*items: object, kind: type[weft.Queue] = weft.Queue) -> weft.Queue:
    queue = kind(len(items))
    for item in items:
        queue.put(item)
    return queue


# -- as the stdlib's -----------------------------------------------------------------------

SHUTDOWN = hasattr(stdlib, "ShutDown")
OPERATIONS = st.one_of(
    st.tuples(st.just("put_nowait"), st.integers(0, 5)),
    st.tuples(st.just("put"), st.integers(0, 5), st.booleans(), st.just(0)),
    st.sampled_from(
        [("get_nowait",), ("get", True, 0), ("task_done",), ("qsize",), ("empty",), ("full",)]
        + [("shutdown",), ("shutdown", True)] * SHUTDOWN
    ),
)


def outcome(queue: object, name: str, *arguments: object) -> object:
    try:
        return getattr(queue, name)(*arguments)
    except Exception as exc:
        return type(exc)


@given(st.sampled_from(list(KINDS)), st.integers(-1, 4), st.lists(OPERATIONS, max_size=40))
def test_whatever_is_done_with_it_it_behaves_as_the_stdlibs(kind, maxsize, operations) -> None:
    ours, theirs = kind(maxsize), KINDS[kind](maxsize)
    for operation in operations:
        assert outcome(ours, *operation) == outcome(theirs, *operation), operation
        assert ours.unfinished_tasks == theirs.unfinished_tasks
        assert ours.is_shutdown == getattr(theirs, "is_shutdown", False)
    assert [ours.get_nowait() for _ in range(ours.qsize())] == [
        theirs.get_nowait() for _ in range(theirs.qsize())
    ]


def test_the_errors_are_the_stdlibs(clock) -> None:
    one = full_of("item")
    for call in (
        lambda: one.put_nowait(1),
        lambda: one.put(1, False),
        lambda: one.put(1, timeout=0),
    ):
        with pytest.raises(stdlib.Full):
            call()
    none = weft.Queue()
    for call in (none.get_nowait, lambda: none.get(False), lambda: none.get(timeout=5)):
        with pytest.raises(stdlib.Empty):
            call()
    with pytest.raises(stdlib.Full):
        one.put(1, timeout=5)
    assert one.get() == "item" and one.empty()
    if SHUTDOWN:
        assert weft.ShutDown is stdlib.ShutDown


@pytest.mark.parametrize(
    ("timeout", "error"),
    [
        (-1, ValueError),
        (-0.5, ValueError),
        (float("nan"), ValueError),
        (1e100, OverflowError),
        ("1", TypeError),
        (1j, TypeError),
    ],
    ids=str,
)
def test_wrong_timeouts_get_the_stdlibs_errors(timeout, error) -> None:
    with pytest.raises(error):
        weft.Queue().get(timeout=timeout)
    with pytest.raises(error):
        full_of(1).put(2, timeout=timeout)


def test_maxsize_must_be_a_whole_number() -> None:
    assert weft.Queue(-5).maxsize == 0
    with pytest.raises(TypeError):
        weft.Queue("5")


# -- handing over ------------------------------------------------------------------------------


@EACH
def test_getters_get_items_in_the_order_they_came(kind) -> None:
    items = kind()
    getters = [getter(items) for _ in range(3)]
    for item in "cab":
        items.put(item)
    assert items.empty(), "handed over at once"
    assert [task.result() for task in getters] == ["c", "a", "b"]


@pytest.mark.parametrize("kind", [weft.Queue, weft.LifoQueue])
def test_a_get_takes_in_what_the_first_putter_holds(kind) -> None:
    items = full_of(1, kind=kind)
    putters = [putter(items, number) for number in (2, 3)]
    assert [items.get() for _ in range(3)] == [1, 2, 3], "no putter has run in between"
    assert [task.result() for task in putters] == [None, None]


def test_none_is_an_item_like_any_other() -> None:
    items = weft.Queue()
    items.put(None)
    assert items.get() is None
    task = getter(items)
    items.put(None)
    assert task.result() is None


def test_an_old_value_of_the_task_is_not_taken_for_an_item() -> None:
    items = weft.Queue()

    def run() -> object:
        lowlevel.unpark(weft.current(), "stale")
        weft.sleep(0)
        return items.get()

    task = weft.spawn(run)
    weft.checkpoint()
    weft.checkpoint()
    items.put(None)
    assert task.result() is None


def test_items_go_between_threads() -> None:
    items, answers = weft.Queue(1), weft.Queue()

    def ask() -> list[object]:
        for number in range(100):
            items.put(number)
        items.shutdown()
        return list(answers)

    def serve() -> None:
        for item in items:
            answers.put(item * 2)
        answers.shutdown()

    server = weft.spawn(serve)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask)
        server.join()
        assert asked.result() == [2 * number for number in range(100)]


def test_a_task_that_polls_it_lets_others_run() -> None:
    items = weft.Queue()

    def poll() -> object:
        while items.empty():
            pass
        return items.get_nowait()

    task = weft.spawn(poll)
    weft.spawn(items.put, "came")
    assert task.result() == "came"


# -- cancellation and timeouts ------------------------------------------------------------------


def test_a_cancelled_getter_takes_nothing_with_it() -> None:
    items = weft.Queue()
    first, second = getter(items), getter(items)
    first.cancel()
    items.put("only")
    assert second.result() == "only"
    with pytest.raises(weft.Cancelled):
        first.result()


@EACH
def test_a_cancelled_putter_has_not_put(kind) -> None:
    items = full_of(0, kind=kind)
    first, second = putter(items, 1), putter(items, 2)
    first.cancel()
    assert items.get() == 0
    assert items.get() == 2
    second.result()
    with pytest.raises(weft.Cancelled):
        first.result()
    assert items.unfinished_tasks == 2


@EACH
def test_a_getter_that_was_handed_an_item_keeps_it(kind, clock) -> None:
    items, steps = kind(), []

    def run() -> None:
        steps.append(items.get(timeout=1))
        weft.checkpoint()
        steps.append("never")

    task = parked(run)
    items.put("item")
    clock.advance(2)
    task.cancel()
    task.join()
    assert isinstance(task.exception, weft.Cancelled)
    assert steps == ["item"]


@EACH
def test_a_putter_whose_item_was_taken_has_put(kind, clock) -> None:
    items, steps = full_of(0, kind=kind), []

    def run() -> None:
        items.put(1, timeout=1)
        steps.append("put")
        weft.checkpoint()
        steps.append("never")

    task = parked(run)
    assert items.get() == 0
    clock.advance(2)
    task.cancel()
    task.join()
    assert steps == ["put"] and isinstance(task.exception, weft.Cancelled)
    assert items.get_nowait() == 1


def test_who_timed_out_is_out_of_the_queue(clock) -> None:
    items = weft.Queue(1)
    late, patient = getter(items, True, 5), getter(items)
    late.join()
    assert isinstance(late.exception, stdlib.Empty)
    items.put(1)
    assert patient.result() == 1
    items.put(2)
    late, patient = putter(items, 3, True, 5), putter(items, 4)
    late.join()
    assert isinstance(late.exception, stdlib.Full)
    assert [items.get(), items.get()] == [2, 4]


@pytest.mark.parametrize("kind", [kind.__name__ for kind in KINDS])
def test_an_item_handed_to_a_task_that_is_thrown_into_comes_back(kind, program) -> None:
    """What greenlet's own throw does to a task, past the hub."""
    source = f"""
        import greenlet, os, weft

        items = weft.{kind}()

        def victim():
            try:
                items.get()
            except KeyError:
                print(items.get_nowait(), items.statistics()["items"], flush=True)
                os._exit(0)

        task = weft.spawn(victim)
        weft.checkpoint()
        items.put("item")
        greenlet.greenlet.throw(task, KeyError("thrown"))
    """
    assert program(source) == "item 0\n"


# -- destructors, references, reports ---------------------------------------


@EACH
def test_a_destructor_may_put(kind, unraisable) -> None:
    items = kind()

    class Last:
        def __del__(self) -> None:
            items.put_nowait("words")

    task = getter(items)
    last = Last()
    del last
    assert task.result() == "words"
    assert unraisable == []


@EACH
def test_a_queue_that_holds_itself_is_collected(kind) -> None:
    class Own(kind):
        pass

    items = Own()
    items.put(items)
    reference = weakref.ref(items)
    del items
    gc.collect()
    assert reference() is None


@EACH
def test_it_is_open_to_subclasses_and_subscripts(kind) -> None:
    class Own(kind):
        def put(self, item: object, *arguments: object) -> None:
            super().put(item, *arguments)

    items = Own(maxsize=3)
    items.put(1)
    assert items.maxsize == 3 and items.get() == 1
    assert type(kind[int]) is types.GenericAlias
    assert f"{__name__}.test" in repr(items)


def test_it_tells_what_it_holds_and_who_waits() -> None:
    items = full_of(1)
    tasks = [putter(items, 2), putter(items, 3), parked(items.join)]
    assert items.statistics() == {
        "items": 1,
        "maxsize": 1,
        "unfinished": 1,
        "getting": 0,
        "putting": 2,
        "joining": 1,
    }
    assert repr(items) == f"<weft.Queue at {id(items):#x} 1 of 1 items, 2 putting, 1 joining>"
    assert tasks[0].wait_reason == f"queue put {items!r}"
    items.shutdown(immediate=True)
    for task in tasks:
        task.join()
        assert task.exception is None or isinstance(task.exception, weft.ShutDown)
    assert "shut down" in repr(items)


def test_nothing_is_left_of_items_that_were_got() -> None:
    class Item:
        pass

    for kind in KINDS:
        items = kind()
        task = getter(items)
        item = Item()
        before = sys.getrefcount(item)
        items.put(item)
        assert task.result() is item
        del task
        items.put(item)
        assert items.get() is item
        assert sys.getrefcount(item) == before
