"""Hubs in several OS threads: what works across them, and that no wake-up is lost."""

import logging
import os
import threading
import time
from collections.abc import Callable

import pytest

import weft
from weft import lowlevel


class Thread(threading.Thread):
    """An OS thread whose failure is raised by ``finish``."""

    failure: BaseException | None = None

    def __init__(self, fn: Callable[..., object], *args: object, name: str | None = None) -> None:
        super().__init__(name=name)
        self.fn, self.args = fn, args
        self.start()

    def run(self) -> None:
        try:
            self.fn(*self.args)
        except BaseException as exc:
            self.failure = exc

    def finish(self) -> None:
        self.join()
        if self.failure is not None:
            raise self.failure


def wake(task: weft.Task, value: object = None) -> None:
    """Unpark a task that parks sooner or later."""
    while not lowlevel.unpark(task, value):
        give_way()


def give_way() -> None:
    """Let other OS threads have the GIL, for it is them who are waited for."""
    time.sleep(0)


class Remote:
    """A thread with a hub, whose main task runs until ``stop``."""

    def __init__(self, name: str = "remote") -> None:
        self.started = threading.Event()
        self.tasks: dict[str, weft.Task] = {}
        self.thread = Thread(self.run, name=name)
        self.started.wait()

    def run(self) -> None:
        self.tasks["main"] = weft.current()
        self.tasks["sleeper"] = weft.spawn(weft.sleep, 1e6)
        self.tasks["parked"] = weft.spawn(lowlevel.park, "test")
        self.tasks["failing"] = weft.spawn(int, "x")
        weft.checkpoint()
        self.started.set()
        lowlevel.park("remote")
        self.tasks["sleeper"].cancel()
        lowlevel.unpark(self.tasks["parked"])
        weft.joinall(self.tasks[name] for name in ("sleeper", "parked"))

    def stop(self) -> None:
        wake(self.tasks["main"])
        self.thread.finish()
        assert self.tasks["failing"].exception
        self.tasks.clear()


@pytest.fixture
def remote():
    remote = Remote()
    yield remote
    remote.stop()


def test_a_task_of_another_thread_can_be_joined(remote) -> None:
    task = remote.tasks["parked"]
    assert task.join(0.0001) is False
    joiner = weft.spawn(task.result)
    weft.checkpoint()
    assert lowlevel.unpark(task, "from another thread")
    assert task.result() == "from another thread"
    assert joiner.result() == "from another thread"


def test_a_failure_in_another_thread_is_raised_here(remote) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        remote.tasks["failing"].result()


def test_a_task_of_another_thread_can_be_cancelled(remote) -> None:
    task = remote.tasks["sleeper"]
    assert task.cancel() is True
    with pytest.raises(weft.Cancelled):
        task.result()


def test_an_exception_can_be_thrown_into_a_task_of_another_thread(remote) -> None:
    task = remote.tasks["parked"]
    assert lowlevel.unpark(task, exception=KeyError("k"))
    with pytest.raises(KeyError):
        task.result()


def test_a_cancelled_join_leaves_a_task_of_another_thread_alone(remote) -> None:
    task = remote.tasks["parked"]
    joiner = weft.spawn(task.join)
    weft.checkpoint()
    joiner.cancel()
    with pytest.raises(weft.Cancelled):
        joiner.result()
    assert lowlevel.unpark(task, 1)
    assert task.result() == 1


def test_the_main_task_of_another_thread_is_done_when_the_thread_is() -> None:
    remote = Remote()
    main = remote.tasks["main"]
    joiner = weft.spawn(main.join)
    weft.checkpoint()
    assert joiner.state == "parked"
    remote.stop()
    assert joiner.result() is True
    assert main.done


def test_a_native_thread_without_tasks_can_wait_and_be_woken() -> None:
    got: list[object] = []
    tasks: list[weft.Task] = []

    def run() -> None:
        tasks.append(weft.current())
        got.append(lowlevel.park("native"))

    thread = Thread(run)
    while not tasks:
        give_way()
    assert tasks[0].is_main and tasks[0].name.startswith("main of Thread")
    wake(tasks[0], "value")
    thread.finish()
    assert got == ["value"]


def test_tasks_lists_those_of_every_thread(remote) -> None:
    listed = lowlevel.tasks()
    assert listed[0] is weft.current()
    assert listed[1:] == [remote.tasks[name] for name in ("main", "sleeper", "parked")]


def test_a_task_that_failed_in_an_ended_thread_is_logged(caplog) -> None:
    def run() -> None:
        lowlevel.spawn_in(int, ("x",), name="lone")
        weft.checkpoint()

    Thread(run).finish()
    weft.sleep(1e-4)
    (record,) = [record for record in caplog.records if "'lone'" in record.getMessage()]
    assert record.exc_info[0] is ValueError
    caplog.clear()


def test_system_exit_of_a_task_ends_its_thread_and_no_other() -> None:
    reached: list[bool] = []

    def run() -> None:
        weft.spawn(raise_exit)
        try:
            weft.sleep(1e6)
        except SystemExit:
            reached.append(True)

    def raise_exit() -> None:
        raise SystemExit

    Thread(run).finish()
    assert reached == [True]


# -- a thread that ends --------------------------------------------------------------------


@pytest.mark.leaves_tasks
def test_a_thread_that_leaves_tasks_behind_says_which(caplog) -> None:
    left: list[weft.Task] = []

    def run() -> None:
        left.append(lowlevel.spawn_in(lowlevel.park, ("test",), name="forgotten"))
        left.append(lowlevel.spawn_in(int, name="never started"))
        weft.checkpoint()
        left.append(lowlevel.spawn_in(int, name="new"))

    Thread(run, name="hasty").finish()
    weft.sleep(1e-4)
    # Failures of earlier tests may be told only now.
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert record.name == "weft"
    assert "'hasty'" in record.getMessage()
    assert "forgotten" in record.getMessage() and "new" in record.getMessage()
    assert "never started" not in record.getMessage()
    assert [task.state for task in left] == ["abandoned", "done", "abandoned"]


@pytest.mark.leaves_tasks
def test_a_task_left_behind_cannot_be_waited_for(caplog) -> None:
    left: list[weft.Task] = []
    go = threading.Event()

    def run() -> None:
        left.append(weft.spawn(lowlevel.park, "test"))
        weft.checkpoint()
        go.wait()

    thread = Thread(run, name="hasty")
    while not left:
        give_way()
    joiner = weft.spawn(left[0].join)
    weft.checkpoint()
    go.set()
    for wait in (joiner.result, left[0].join, left[0].result):
        with pytest.raises(weft.TaskError, match="'hasty' ended before"):
            wait()
    assert left[0].cancel() is False
    assert lowlevel.unpark(left[0]) is False
    thread.finish()


def test_a_thread_gives_its_files_back() -> None:
    def run() -> None:
        weft.spawn(weft.sleep, 1e-6).join()

    Thread(run).finish()
    before = sorted(os.listdir("/proc/self/fd"))
    for _ in range(20):
        Thread(run).finish()
    assert sorted(os.listdir("/proc/self/fd")) == before


@pytest.mark.leaves_tasks
def test_a_place_held_by_a_thread_that_ends_goes_to_one_who_can_use_it(caplog) -> None:
    pool = weft.Pool(1)
    in_line, go = threading.Event(), threading.Event()

    def run() -> None:
        for _ in range(2):  # the second waits for the place of the first
            weft.spawn(pool.spawn, lowlevel.park, "test")
            weft.checkpoint()
        in_line.set()
        go.wait()

    thread = Thread(run)
    in_line.wait()
    mine = weft.spawn(pool.spawn, abs, -1)
    weft.checkpoint()
    go.set()
    thread.finish()
    assert mine.result(60).result() == 1
    assert "ended with 2 unfinished tasks" in caplog.text
