"""Destructors: they may wake anybody, may not wait during a collection, and run in a task."""

import gc
import os
import textwrap
import weakref
from select import POLLIN

import pytest

import weft
from weft import lowlevel


class Dying:
    """Calls ``last_wish`` when it is destroyed."""

    def __init__(self, last_wish) -> None:
        self.last_wish = last_wish

    def __del__(self) -> None:
        self.last_wish()


class Cyclic(Dying):
    """Only the collector destroys it."""

    def __init__(self, last_wish) -> None:
        super().__init__(last_wish)
        self.me = self


def wait_on_a_pipe() -> None:
    reader, writer = os.pipe()
    try:
        lowlevel.wait_readable(reader)
    finally:
        os.close(reader)
        os.close(writer)


WAITS = [
    weft.checkpoint,
    lambda: weft.sleep(0.0001),
    lambda: lowlevel.park("test"),
    lambda: lowlevel.wait_fds([(0, POLLIN)]),
    lambda: weft.spawn(int).join(),
    wait_on_a_pipe,
]


def test_a_destructor_may_unpark() -> None:
    task = weft.spawn(lowlevel.park, "test")
    weft.checkpoint()
    Dying(lambda: lowlevel.unpark(task, "woken"))
    assert task.result() == "woken"


def test_a_destructor_may_unpark_during_a_collection() -> None:
    task = weft.spawn(lowlevel.park, "test")
    weft.checkpoint()
    Cyclic(lambda: lowlevel.unpark(task, "woken"))
    gc.collect()
    assert task.result() == "woken"


def test_a_destructor_may_spawn_during_a_collection() -> None:
    ran: list[int] = []
    Cyclic(lambda: weft.spawn(ran.append, 1))
    gc.collect()
    weft.checkpoint()
    assert ran == [1]


def test_a_destructor_may_wait_outside_of_a_collection() -> None:
    order: list[str] = []

    def wish() -> None:
        weft.sleep(1e-6)
        order.append("destroyed")

    def run() -> None:
        Dying(wish)
        order.append("after")

    weft.spawn(run).join()
    assert order == ["destroyed", "after"]


@pytest.mark.parametrize("wait", WAITS)
def test_waiting_during_a_collection_is_refused_and_collection_goes_on(wait, unraisable) -> None:
    weft.spawn(int).join()
    Cyclic(wait)
    gc.collect()
    (refused,) = unraisable
    assert isinstance(refused, weft.TaskError)
    assert "garbage collection" in str(refused)
    again: list[int] = []
    Cyclic(lambda: again.append(1))
    gc.collect()
    assert gc.isenabled() and again == [1]
    del refused
    unraisable.clear()
    weft.sleep(1e-6)


def test_spending_during_a_collection_does_not_yield(unraisable) -> None:
    def wish() -> None:
        for _ in range(200):
            lowlevel.spend()

    other = weft.spawn(int)
    Cyclic(wish)
    gc.collect()
    assert unraisable == [] and other.state == "new"
    other.join()


def test_the_collector_of_one_thread_does_not_keep_another_from_waiting(in_thread) -> None:
    """Callbacks of a collection can let another thread run."""

    def wish() -> None:
        in_thread(weft.sleep, 0.0001)
        done.append(True)

    done: list[bool] = []
    Cyclic(wish)
    gc.collect()
    assert done == [True]


def test_a_result_nobody_holds_is_destroyed_in_a_task() -> None:
    where: list[str] = []

    def make() -> object:
        return Dying(lambda: where.append(weft.current().name))

    weft.spawn(make)
    for _ in range(3):
        weft.sleep(1e-6)
    assert where == ["weft-garbage"]


def test_the_destructor_of_a_result_nobody_holds_may_wait() -> None:
    done: list[bool] = []

    def wish() -> None:
        weft.sleep(1e-6)
        done.append(True)

    weft.spawn(Dying, wish)
    for _ in range(20):
        weft.sleep(1e-5)
    assert done == [True]


def test_what_a_task_held_is_destroyed_while_it_still_runs() -> None:
    """Its arguments, its function and the variables of its context."""
    where: list[object] = []

    def wish() -> None:
        where.append(weft.current())
        weft.checkpoint()

    class Method(Dying):
        def run(self, argument: object) -> None:
            pass

    task = weft.spawn(Method(wish).run, Dying(wish))
    task.join()
    assert where == [task, task]


@pytest.mark.parametrize("wait", [*WAITS, weft.current])
def test_a_callback_that_runs_in_the_hub_is_refused_to_wait(wait) -> None:
    """A weakref to a task: the hub itself drops the last reference."""
    refused: list[weft.TaskError] = []

    def callback(reference: object) -> None:
        with pytest.raises(weft.TaskError) as seen:
            wait()
        refused.append(seen.value)

    reference = weakref.ref(weft.spawn(int), callback)
    for _ in range(3):
        weft.sleep(1e-6)
    assert reference() is None
    assert "hub" in str(refused[0])


def test_a_callback_that_runs_in_the_hub_may_spawn_and_unpark() -> None:
    task = weft.spawn(lowlevel.park, "test")
    weft.checkpoint()
    spawned: list[weft.Task] = []

    def callback(reference: object) -> None:
        lowlevel.unpark(task, 1)
        spawned.append(weft.spawn(int, "2"))

    reference = weakref.ref(weft.spawn(int), callback)
    assert task.result() == 1
    assert spawned[0].result() == 2
    assert spawned[0].spawned_by is None
    del reference


ARMED_IN_GARBAGE = {
    "a box": """
        def leave():
            limit = weft.timeout(3600)  # before the box, whose end would be its own
            box = Box()
            box.me, box.limit = box, limit
            limit.__enter__()

        leave()
    """,
    "a task's value": """
        def leave():
            limit = weft.timeout(3600)
            limit.__enter__()
            return limit

        weft.spawn(leave).join()
    """,
    "a hub whose thread has ended": """
        def leave():
            weft.current()
            box = Box()
            box.me, box.limit = box, weft.timeout(3600)
            box.limit.__enter__()

        thread = threading.Thread(target=leave)
        thread.start()
        thread.join()
        del thread
    """,
}


@pytest.mark.parametrize("where", ARMED_IN_GARBAGE)
def test_the_collector_may_find_an_armed_timeout(where, program) -> None:
    source = textwrap.dedent(ARMED_IN_GARBAGE[where])
    assert (
        program(f"""
import gc, threading, weft
from weft import lowlevel

class Box:
    pass

gc.disable()
{source}
gc.collect()
print(lowlevel.statistics()["timers"])
weft.sleep(0.001)
""")
        == "0\n"
    )


def test_a_collection_may_end_the_block_of_a_group(unraisable) -> None:
    ended = []

    def child() -> None:
        try:
            weft.sleep(3600)
        finally:
            ended.append(True)

    def block():
        with weft.group() as group:
            group.spawn(child)
            yield

    blocks = block()
    next(blocks)
    weft.checkpoint()
    Cyclic(blocks.close)
    del blocks
    gc.collect()
    weft.checkpoint()
    assert ended == [True]
    (failure,) = unraisable
    assert isinstance(failure, ExceptionGroup)
    assert "during a garbage collection" in str(failure.exceptions)


def test_a_destructor_may_spawn_into_a_group_that_is_being_stopped(program) -> None:
    assert program("""
        import gc, weft

        class Last:
            def __init__(self):
                self.me = self

            def __del__(self):
                group.spawn(print, "too late")

        with weft.group() as group:
            for _ in range(400):
                group.spawn(weft.sleep, 3600)
            gc.collect()
            Last()
            # The collector comes in the midst of it. From 3.12 on it waits for the next bytecode.
            gc.set_threshold(50)
            group.cancel()
        print(group)
    """).startswith("<weft.Group ")


def test_a_destructor_may_wait_while_it_is_a_leftover_that_is_replaced() -> None:
    seen = []

    def victim() -> None:
        weft.sleep(3600)
        weft.sleep(3600)

    def last_wish() -> None:
        weft.sleep(0.0001)
        seen.append(task.done)

    task = weft.spawn(victim)
    weft.checkpoint()
    lowlevel.unpark(task, Dying(last_wish))
    weft.checkpoint()
    waker = weft.spawn(task.cancel)
    weft.joinall([task, waker])
    assert seen == [True]
