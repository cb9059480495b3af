"""What a task is called, and how it says what it waits for."""

import functools
import os
import re
from unittest.mock import MagicMock, Mock

import pytest

import weft
from weft import lowlevel


def fail(text: str = "on purpose") -> None:
    raise ArithmeticError(text)


def test_a_name_is_the_functions_and_the_tasks_number_before_and_after() -> None:
    class Callable:
        def __call__(self) -> None:
            pass

    for fn, name in [
        (fail, "fail"),
        (int, "int"),
        ("x".upper, "str.upper"),
        (functools.partial(functools.partial(fail)), "fail"),
        (
            Callable(),
            "test_a_name_is_the_functions_and_the_tasks_number_before_and_after.<locals>.Callable",
        ),
    ]:
        task = weft.spawn(fn)
        assert task.name == f"{name}-{task.id}"
        task.join()
        assert task.name == f"{name}-{task.id}"
        assert task.exception is None or fn in (fail,) or "fail" in name


@pytest.mark.parametrize("make", [Mock, MagicMock])
def test_a_mock_can_be_spawned(make) -> None:
    """Any attribute of it exists, also those that say what it is called."""
    task = weft.spawn(make(return_value=5))
    assert make.__name__ in task.name
    assert task.result() == 5
    assert make.__name__ in task.name


def test_a_callable_with_a_failing_name_can_be_spawned() -> None:
    class Proxy:
        def __getattr__(self, name: str) -> object:
            raise OSError("the remote side is gone")

        def __call__(self) -> int:
            return 7

    task = weft.spawn(Proxy())
    assert task.result() == 7
    assert "Proxy" in task.name


def test_a_name_can_be_given() -> None:
    task = lowlevel.spawn_in(int, name="counter")
    assert task.name == "counter"
    task.name = 5
    assert task.name == "5"
    task.join()


def test_spawn_place_and_spawner_are_known() -> None:
    def child() -> weft.Task:
        return weft.current().spawned_by

    task = weft.spawn(child)
    assert task.spawn_place.startswith(__file__)
    assert task.spawn_place.endswith("in test_spawn_place_and_spawner_are_known")
    assert task.result() is weft.current()


def test_the_wait_reason_names_kind_object_and_time_left() -> None:
    reader, writer = os.pipe()
    plain = weft.spawn(lowlevel.park, "lock", "the lock")
    reading = weft.spawn(lowlevel.wait_readable, reader)
    sleeping = weft.spawn(weft.sleep, 3600.5)
    joining = weft.spawn(plain.join)
    assert plain.wait_reason is None
    weft.checkpoint()
    assert plain.wait_reason == "lock 'the lock'"
    assert (plain.wait_kind, plain.wait_object) == ("lock", "the lock")
    assert reading.wait_reason == f"read fd {reader}"
    assert (reading.wait_kind, reading.wait_object) == ("read", reader)
    assert 3600 < float(re.fullmatch(r"sleep, (.*) s left", sleeping.wait_reason)[1]) <= 3600.5
    assert joining.wait_reason == f"join task {plain.name!r}"
    assert repr(plain) == f"<weft.Task {plain.name!r} parked (lock 'the lock')>"
    for task in (reading, sleeping):
        task.cancel()
    lowlevel.unpark(plain)
    weft.joinall([plain, reading, sleeping, joining])
    assert plain.wait_reason is plain.wait_kind is plain.wait_object is None
    os.close(reader)
    os.close(writer)


def test_tasks_that_join_one_another_have_a_repr() -> None:
    tasks: list[weft.Task] = []
    tasks += [weft.spawn(lambda n=n: tasks[1 - n].join()) for n in range(2)]
    weft.checkpoint()
    assert tasks[1].name in repr(tasks[0])
    tasks[0].cancel()
    weft.joinall(tasks)


def test_an_object_without_a_repr_does_not_spoil_the_reason() -> None:
    class Shy:
        def __repr__(self) -> str:
            raise ValueError("no")

    task = weft.spawn(lowlevel.park, "queue", Shy())
    weft.checkpoint()
    assert "Shy" in task.wait_reason and "ValueError" in task.wait_reason
    lowlevel.unpark(task)
    task.join()


def test_a_failed_wait_leaves_no_descriptor_in_the_next_reason() -> None:
    reader, writer = os.pipe()

    def wait_twice() -> None:
        try:
            lowlevel.wait_readable(reader)
        except weft.Cancelled:
            lowlevel.park("next")

    task = weft.spawn(wait_twice)
    task.cancel()
    task.join()  # never began
    task = weft.spawn(wait_twice)
    weft.checkpoint()
    task.cancel()
    weft.checkpoint()
    assert task.wait_reason == "next"
    lowlevel.unpark(task)
    task.join()
    os.close(reader)
    os.close(writer)


class Remote:
    """A proxy that asks another process for its attributes, and is asked to stop meanwhile."""

    def __call__(self) -> int:
        weft.current().cancel()
        return 1

    def __getattr__(self, name: str) -> str:
        weft.sleep(0.0001)
        return "remote"


def test_a_task_ends_even_if_its_function_waits_for_its_name_and_is_cancelled() -> None:
    task = weft.spawn(Remote())
    assert task.result() == 1
    assert task.name == f"Remote-{task.id}"


def test_what_is_raised_instead_of_a_name_goes_to_the_main_task() -> None:
    class Quitting(Remote):
        def __call__(self) -> int:
            return 2

        def __getattr__(self, name: str) -> str:
            raise SystemExit(3)

    task = weft.spawn(Quitting())
    with pytest.raises(SystemExit):
        weft.sleep(1)
    assert task.result() == 2
