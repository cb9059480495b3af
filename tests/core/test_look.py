"""look: one task at one moment; timeouts: which waits end by themselves."""

import gc
import sys
import threading
import weakref

import pytest

import weft
from weft import lowlevel
from weft._core._look import look, timeouts


def park() -> None:
    lowlevel.park("example", "object", deadline=weft.now() + 60)


def outer() -> None:
    park()


def end(task: weft.Task) -> None:
    task.cancel()
    task.join()


def names(stack: list) -> list[str]:
    return [frame.f_code.co_name for frame, _ in stack]


def test_all_there_is_to_see_of_a_parked_task() -> None:
    task = weft.spawn(outer)
    weft.checkpoint()
    state, thread, kind, what, deadline, stack = look(task)
    assert (state, thread, kind, what) == ("parked", "MainThread", "example", "object")
    assert deadline is not None
    assert 0 < deadline - weft.now() <= 60
    assert names(stack) == ["park", "outer"]
    assert [line for _, line in stack] == [frame.f_lineno for frame, _ in stack]
    end(task)


def test_a_task_that_is_new_or_done_has_no_stack() -> None:
    task = weft.spawn(outer)
    assert look(task) == ("new", "MainThread", None, None, None, [])
    end(task)
    assert look(task)[0] == "done"
    assert look(task)[5] == []


def test_the_running_task_stands_where_it_asks() -> None:
    state, _, kind, *_, stack = look(weft.current())
    assert (state, kind) == ("running", None)
    assert names(stack)[0] == sys._getframe().f_code.co_name


def test_a_descriptor_is_what_is_waited_for() -> None:
    import weft.socket

    ours, theirs = weft.socket.socketpair()
    with ours, theirs:
        task = weft.spawn(ours.recv, 1)
        weft.checkpoint()
        assert look(task)[2:4] == ("read", ours.fileno())
        end(task)


def test_the_collector_is_left_as_it_was() -> None:
    gc.disable()
    look(weft.current())
    assert not gc.isenabled()
    gc.enable()
    look(weft.current())
    assert gc.isenabled()


def test_looking_keeps_nothing_alive() -> None:
    class Local:
        pass

    def work() -> None:
        local = Local()
        gone.append(weakref.ref(local))
        weft.sleep(1e-6)

    gone: list[weakref.ref[Local]] = []
    task = weft.spawn(work)
    weft.checkpoint()
    look(task)
    task.join()
    assert gone[0]() is None


def test_which_timeouts_reach_a_wait() -> None:
    def limited(seconds: float, cancellable: bool) -> None:
        with weft.timeout(seconds), weft.timeout(90):
            lowlevel.park("example", cancellable=cancellable)

    def shielded() -> None:
        with weft.timeout(30), weft.shield(), weft.timeout(60):
            lowlevel.park("example")

    reached = weft.spawn(limited, 30, True)
    held_back = weft.spawn(limited, 30, False)
    inner = weft.spawn(shielded)
    weft.checkpoint()
    found = {task: round(when - weft.now()) for task, when in timeouts().items()}
    assert found == {reached: 30, inner: 60}
    assert lowlevel.unpark(held_back)
    assert lowlevel.unpark(inner)
    end(reached)
    weft.joinall([held_back, inner])
    assert timeouts() == {}


def test_looking_makes_no_hub() -> None:
    before = len(weft.tasks())
    main, seen = weft.current(), []
    thread = threading.Thread(target=lambda: seen.append(look(main)[0]))
    thread.start()
    thread.join()
    assert seen == ["running"]
    assert len(weft.tasks()) == before


def test_only_a_task_can_be_looked_at() -> None:
    with pytest.raises(TypeError):
        look(None)
