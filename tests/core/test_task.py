"""A task from spawn to its end: states, results, joining; and that only the hub switches."""

import gc
import traceback
import weakref

import greenlet
import pytest

import weft
from weft import lowlevel


def parked() -> weft.Task:
    """A task that waits until it is unparked."""
    task = weft.spawn(lowlevel.park, "test")
    weft.checkpoint()
    assert task.state == "parked"
    return task


def fail(text: str = "on purpose") -> None:
    raise ArithmeticError(text)


def test_states_from_new_to_done() -> None:
    seen = []

    def run() -> None:
        seen.append(task.state)
        lowlevel.park("test")
        seen.append(task.state)

    task = weft.spawn(run)
    assert task.state == "new" and not task.done
    weft.checkpoint()
    assert task.state == "parked"
    lowlevel.unpark(task)
    assert task.state == "ready"
    task.join()
    assert task.state == "done" and task.done
    assert seen == ["running", "running"]


def test_the_main_program_is_a_task() -> None:
    me = weft.current()
    assert me.is_main and me.name == "main" and me.state == "running"
    assert not weft.spawn(int).is_main
    assert me.spawned_by is None and me.spawn_place == ""
    weft.checkpoint()


def test_a_task_is_true_whatever_its_state() -> None:
    task = weft.spawn(int)
    assert task and weft.current()
    task.join()
    assert task


def test_ids_are_unique_and_grow() -> None:
    tasks = [weft.spawn(int) for _ in range(10)]
    ids = [task.id for task in tasks]
    assert ids == sorted(set(ids))
    weft.joinall(tasks)


def test_tasks_lists_every_unfinished_task_oldest_first() -> None:
    before = lowlevel.tasks()
    spawned = [parked() for _ in range(3)]
    assert lowlevel.tasks() == before + spawned
    for task in spawned:
        lowlevel.unpark(task)
    weft.joinall(spawned)
    assert lowlevel.tasks() == before


def test_a_parked_task_nobody_holds_stays_alive() -> None:
    done = []

    def run() -> None:
        weft.sleep(0.001)
        done.append(True)

    weft.spawn(run)
    weft.checkpoint()
    gc.collect()
    weft.sleep(0.002)
    assert done


# -- results and joining ----------------------------------------------------------


def test_result_is_what_the_function_returned() -> None:
    assert weft.spawn(pow, 2, 10).result() == 1024
    assert weft.spawn(sorted, [2, 1], reverse=True).result() == [2, 1]
    assert weft.spawn(int).result() == 0


def test_result_raises_what_the_function_raised_and_goes_on_doing_so() -> None:
    task = weft.spawn(fail)
    for _ in range(3):
        with pytest.raises(ArithmeticError, match="on purpose") as seen:
            task.result()
        assert seen.value is task.exception
    assert task.exception.__traceback__.tb_frame.f_code is not None


def test_the_traceback_does_not_grow_with_each_who_asks() -> None:
    task = weft.spawn(fail)
    lengths = set()
    for _ in range(5):
        with pytest.raises(ArithmeticError) as seen:
            task.result()
        lengths.add(len(list(traceback.walk_tb(seen.value.__traceback__))))
    assert len(lengths) == 1


def test_the_traceback_shows_where_the_task_failed() -> None:
    task = weft.spawn(fail)
    with pytest.raises(ArithmeticError) as seen:
        task.result()
    assert seen.traceback[-1].name == "fail"


@pytest.mark.parametrize(
    "exception", [GeneratorExit, weft.Cancelled, greenlet.GreenletExit, StopIteration, MemoryError]
)
def test_any_exception_is_a_result(exception) -> None:
    def run() -> None:
        raise exception("it")

    task = weft.spawn(run)
    task.join()
    assert isinstance(task.exception, exception)


def test_a_failed_task_does_not_disturb_join() -> None:
    task = weft.spawn(fail)
    assert task.join() is True
    assert isinstance(task.exception, ArithmeticError)


def test_join_with_a_limit_says_whether_it_is_done() -> None:
    task = parked()
    assert task.join(0) is False
    assert task.join(0.0005) is False
    with pytest.raises(TimeoutError, match=r"0\.0005 s"):
        task.result(0.0005)
    lowlevel.unpark(task, "late")
    assert task.join(10) is True
    assert task.result(0) == "late"


def test_many_join_one_and_are_woken_in_order() -> None:
    order: list[int] = []
    task = parked()

    def joiner(number: int) -> None:
        task.join()
        order.append(number)

    joiners = [weft.spawn(joiner, n) for n in range(100)]
    weft.checkpoint()
    for joiner_ in joiners[10:20]:
        joiner_.cancel()
    lowlevel.unpark(task)
    weft.joinall(joiners)
    assert order == [n for n in range(100) if not 10 <= n < 20]


def test_a_task_cannot_join_itself() -> None:
    def run() -> None:
        weft.current().join()

    with pytest.raises(weft.TaskError, match="cannot join itself"):
        weft.spawn(run).result()
    with pytest.raises(weft.TaskError, match="'main' cannot join itself"):
        weft.current().join()


@pytest.mark.parametrize("seconds", [float("nan")])
def test_join_refuses_a_limit_that_is_no_number(seconds) -> None:
    task = parked()
    with pytest.raises(ValueError):
        task.join(seconds)
    lowlevel.unpark(task)
    task.join()


def test_spawn_refuses_what_cannot_be_called() -> None:
    with pytest.raises(TypeError, match="something to call, got 5"):
        weft.spawn(5)


def test_a_task_is_not_made_by_calling_its_class() -> None:
    with pytest.raises(TypeError, match=r"weft\.spawn"):
        weft.Task(int)


def test_wrong_arguments_are_the_tasks_failure() -> None:
    task = weft.spawn(pow, 1)
    with pytest.raises(TypeError):
        task.result()


def test_arguments_and_function_are_dropped_when_done() -> None:
    class Thing:
        def method(self, other: object) -> None:
            pass

    thing, other = Thing(), Thing()
    seen = [weakref.ref(thing), weakref.ref(other)]
    task = weft.spawn(thing.method, other)
    del thing, other
    task.join()
    assert [ref() for ref in seen] == [None, None]


# -- only the hub switches -----------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda task: task.switch(),
        lambda task: task.switch(1, two=2),
        lambda task: task.throw(),
        lambda task: task.throw(ValueError("x")),
        lambda task: task.run,
    ],
)
def test_a_task_is_not_to_be_switched_by_hand(call) -> None:
    for task in (parked(), weft.spawn(lowlevel.park, "new")):
        with pytest.raises(weft.TaskError) as seen:
            call(task)
        assert task.name in str(seen.value)
        task.cancel()
        task.join()
        assert isinstance(task.exception, weft.Cancelled)


def test_switching_from_another_thread_names_both_threads(in_thread) -> None:
    task = parked()
    for call in (task.switch, task.throw):
        with pytest.raises(weft.TaskError, match=r"of MainThread from thread 'other'"):
            in_thread(call, name="other")
    lowlevel.unpark(task)
    task.join()


def test_a_raw_switch_into_a_parked_task_is_an_error_there(program) -> None:
    assert program("""
        import greenlet, os, weft
        from weft import lowlevel

        def victim():
            try:
                lowlevel.park("test")
            except weft.TaskError as error:
                print(error, flush=True)
                os._exit(0)

        task = lowlevel.spawn_in(victim, name="victim")
        weft.checkpoint()
        greenlet.greenlet.switch(task)
    """).startswith("the greenlet of task 'victim' was switched to while it was parked")
