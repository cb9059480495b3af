"""Cancelling: once per request, at a checkpoint, never twice, never beside an unpark."""

import os
from contextlib import closing
from select import POLLIN

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from weft import lowlevel


class Pipe:
    """A pipe that nobody writes to."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()

    def close(self) -> None:
        os.close(self.reader)
        os.close(self.writer)


def parked(cancellable: bool = True) -> weft.Task:
    """A task that waits until it is unparked, and returns what it was passed."""

    def run() -> object:
        return lowlevel.park("test", cancellable=cancellable)

    task = weft.spawn(run)
    weft.checkpoint()
    assert task.state == "parked"
    return task


def test_a_task_cancelled_before_it_starts_never_runs() -> None:
    ran: list[int] = []
    task = weft.spawn(ran.append, 1)
    assert task.cancel() is True
    task.join()
    assert ran == []
    assert isinstance(task.exception, weft.Cancelled)


def test_a_parked_task_gets_it_where_it_waits() -> None:
    task = parked()
    assert task.cancel() is True
    assert task.state == "ready"
    with pytest.raises(weft.Cancelled, match="was cancelled"):
        task.result()


def test_a_message_can_be_given() -> None:
    task = parked()
    task.cancel("enough")
    with pytest.raises(weft.Cancelled, match="enough"):
        task.result()


def test_cancelling_what_is_done_does_nothing() -> None:
    task = weft.spawn(int)
    task.join()
    assert task.cancel() is False
    assert task.result() == 0


def test_a_running_task_gets_its_own_request_at_its_next_checkpoint() -> None:
    def run() -> str:
        weft.current().cancel()
        reached = "went on"
        try:
            weft.checkpoint()
        except weft.Cancelled:
            return reached
        return "not cancelled"

    assert weft.spawn(run).result() == "went on"


def wait_for_a_pipe() -> None:
    with closing(Pipe()) as pipe:
        lowlevel.wait_readable(pipe.reader, deadline=0)


def wait_for_pipes() -> None:
    with closing(Pipe()) as pipe:
        lowlevel.wait_fds([(pipe.reader, POLLIN)], 0)


@pytest.mark.parametrize(
    "wait",
    [
        weft.checkpoint,
        lambda: weft.sleep(0),
        lambda: weft.sleep(1e6),
        lambda: lowlevel.park("test"),
        lambda: lowlevel.park("test", deadline=0),
        lambda: weft.spawn(weft.checkpoint).join(),
        wait_for_a_pipe,
        wait_for_pipes,
        lambda: [lowlevel.spend() for _ in range(100)],
    ],
)
def test_every_wait_delivers_a_request_that_came_before_it(wait) -> None:
    def run() -> str:
        weft.current().cancel()
        try:
            wait()
        except weft.Cancelled:
            return "cancelled"
        return "not cancelled"

    assert weft.spawn(run).result() == "cancelled"
    weft.sleep(1e-6)


def test_a_request_to_a_task_that_is_ready_waits_for_its_next_checkpoint() -> None:
    """The unpark came first and is kept: park returns it."""

    def run() -> list[object]:
        got = [lowlevel.park("test")]
        try:
            weft.checkpoint()
        except weft.Cancelled:
            got.append("cancelled")
        return got

    task = weft.spawn(run)
    weft.checkpoint()
    assert lowlevel.unpark(task, "item")
    assert task.cancel()
    assert task.result() == ["item", "cancelled"]


def test_a_task_between_two_checkpoints_gets_it_as_the_checkpoint_returns() -> None:
    def run() -> None:
        while True:
            weft.checkpoint()

    task = weft.spawn(run)
    weft.checkpoint()
    assert task.state == "ready"
    task.cancel()
    task.join()
    assert isinstance(task.exception, weft.Cancelled)


@given(st.integers(1, 6), st.booleans())
def test_each_request_is_delivered_once_and_only_once(requests, at_once) -> None:
    def run() -> int:
        delivered = 0
        while True:
            try:
                if lowlevel.park("test") == "stop":
                    return delivered
            except weft.Cancelled:
                delivered += 1

    task = weft.spawn(run)
    weft.checkpoint()
    for _ in range(requests):
        task.cancel()
        if not at_once:
            weft.checkpoint()
    for _ in range(requests + 1):
        weft.checkpoint()
    assert task.state == "parked"
    assert lowlevel.unpark(task, "stop")
    assert task.result() == requests


def test_clean_up_after_a_cancellation_can_wait() -> None:
    def run() -> str:
        try:
            lowlevel.park("test")
        finally:
            weft.sleep(1e-6)
            weft.checkpoint()
            cleaned.append(True)

    cleaned: list[bool] = []
    task = weft.spawn(run)
    weft.checkpoint()
    task.cancel()
    task.join()
    assert cleaned == [True]
    assert isinstance(task.exception, weft.Cancelled)


def test_a_park_that_is_not_cancellable_holds_the_request_back() -> None:
    def run() -> list[object]:
        got = [lowlevel.park("lock", cancellable=False)]
        got.append(lowlevel.park("lock", cancellable=False))
        try:
            lowlevel.park("queue")
        except weft.Cancelled:
            got.append("cancelled")
        return got

    task = weft.spawn(run)
    weft.checkpoint()
    task.cancel()
    assert task.state == "parked"
    assert lowlevel.unpark(task, 1)
    weft.checkpoint()
    assert task.state == "parked"
    assert lowlevel.unpark(task, 2)
    assert task.result() == [1, 2, "cancelled"]


def test_a_cancelled_wait_leaves_its_list() -> None:
    """A later event must not wake the task out of another wait."""
    reader, writer = os.pipe()
    target = parked()

    def run() -> object:
        for wait in (target.join, lambda: lowlevel.wait_readable(reader)):
            with pytest.raises(weft.Cancelled):
                wait()
        return lowlevel.park("last")

    task = weft.spawn(run)
    weft.checkpoint()
    task.cancel()
    weft.checkpoint()
    task.cancel()
    weft.checkpoint()
    lowlevel.unpark(target)
    os.write(writer, b"x")
    weft.sleep(0.0001)
    assert task.wait_reason == "last"
    lowlevel.unpark(task, "ok")
    assert task.result() == "ok"
    target.join()
    os.close(reader)
    os.close(writer)


def test_the_main_task_can_be_cancelled() -> None:
    main = weft.current()
    weft.spawn(main.cancel)
    with pytest.raises(weft.Cancelled):
        weft.sleep(1e6)
    weft.checkpoint()


def test_cancelling_from_another_thread_wakes_a_sleeping_hub(in_thread) -> None:
    task = weft.spawn(weft.sleep, 1e6)
    weft.checkpoint()
    assert in_thread(task.cancel) is True
    task.join()
    assert isinstance(task.exception, weft.Cancelled)


# -- one answer to each park -----------------------------------------------------------


def test_only_the_first_answer_counts() -> None:
    task = parked()
    assert lowlevel.unpark(task, "first") is True
    assert lowlevel.unpark(task, "second") is False
    assert lowlevel.unpark(task, exception=ValueError()) is False
    assert task.result() == "first"
    assert lowlevel.unpark(task) is False


def test_an_exception_can_be_the_answer() -> None:
    task = parked()
    assert lowlevel.unpark(task, exception=KeyError("k"))
    with pytest.raises(KeyError, match="k"):
        task.result()


def test_unpark_refuses_what_is_no_task() -> None:
    for wrong in (None, 5):
        with pytest.raises(TypeError):
            lowlevel.unpark(wrong)


def test_what_an_unpark_passed_to_a_sleeper_is_not_given_to_its_next_park() -> None:
    def run() -> object:
        weft.sleep(1e6)
        return lowlevel.park("test")

    task = weft.spawn(run)
    weft.checkpoint()
    lowlevel.unpark(task, "for the sleep")
    weft.checkpoint()
    lowlevel.unpark(task)
    assert task.result() is None


ANSWERS = st.sampled_from(["unpark", "throw", "cancel", "deadline"])


def give(answer: str, task: weft.Task, number: int) -> tuple[str, object] | None:
    """Try to answer the park of ``task``; what it gets, if this was told to have answered it."""
    if answer == "unpark":
        return ("returned", number) if lowlevel.unpark(task, number) else None
    if answer == "throw":
        told = lowlevel.unpark(task, exception=KeyError(number))
        return ("KeyError", number) if told else None
    if answer == "cancel":
        waits = task.state == "parked"
        task.cancel(number)
        return ("Cancelled", number) if waits else None
    weft.sleep(3e-5)
    return None


@given(st.lists(ANSWERS, min_size=1, max_size=6))
def test_racing_answers_give_exactly_one(answers) -> None:
    """Whoever is told that it answered is the one whose answer the task gets."""
    deadline = weft.now() + (2e-5 if "deadline" in answers else 1e6)
    got: list[tuple[str, object]] = []

    def run() -> None:
        try:
            got.append(("returned", lowlevel.park("race", deadline=deadline)))
        except (TimeoutError, KeyError, weft.Cancelled) as exc:
            got.append((type(exc).__name__, exc.args[0]))

    task = weft.spawn(run)
    weft.checkpoint()
    answered = [give(answer, task, number) for number, answer in enumerate(answers)]
    told = [answer for answer in answered if answer]
    if not told and not got:
        assert lowlevel.unpark(task, "last")
        told.append(("returned", "last"))
    task.join()
    assert got == told or (told == [] and got == [("TimeoutError", "race: the deadline passed")])
