"""Failures that nobody collects are logged; collected ones and cancellations are not."""

import gc
import logging

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


def uncollected(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    gc.collect()
    weft.sleep(0.0001)
    weft.checkpoint()
    return [record for record in caplog.records if record.name == "weft"]


def test_a_failure_nobody_collects_is_logged_with_its_origin(caplog) -> None:
    lowlevel.spawn_in(fail, name="worker")
    (record,) = uncollected(caplog)
    assert record.levelno == logging.ERROR
    assert "'worker'" in record.getMessage()
    assert f"{__file__}:" in record.getMessage()
    assert "in test_a_failure_nobody_collects_is_logged_with_its_origin" in record.getMessage()
    assert isinstance(record.exc_info[1], ArithmeticError)
    assert "in fail" in caplog.text and "on purpose" in caplog.text


def test_it_is_logged_once_the_last_reference_is_gone(caplog) -> None:
    task = weft.spawn(fail)
    task.join()
    assert uncollected(caplog) == []
    del task
    assert len(uncollected(caplog)) == 1


def see_result(task: weft.Task) -> None:
    with pytest.raises(ArithmeticError):
        task.result()


@pytest.mark.parametrize("collect", [see_result, lambda task: task.exception])
def test_a_collected_failure_is_not_logged(caplog, collect) -> None:
    task = weft.spawn(fail)
    task.join()
    collect(task)
    del task
    assert uncollected(caplog) == []


def test_a_cancelled_task_is_not_logged(caplog) -> None:
    for make in (parked, lambda: weft.spawn(fail)):
        task = make()
        task.cancel()
        task.join()
    del task
    assert uncollected(caplog) == []


def test_a_failure_in_a_reference_cycle_is_logged(caplog) -> None:
    def run() -> None:
        mine = weft.current()
        fail(str(mine.id))

    weft.spawn(run)
    weft.checkpoint()
    weft.checkpoint()
    assert len(uncollected(caplog)) == 1
    caplog.clear()


def test_logging_that_fails_does_not_go_on_for_ever(capsys) -> None:
    def refuse(record: logging.LogRecord) -> bool:
        raise OSError("disk full")

    logger = logging.getLogger("weft")
    logger.addFilter(refuse)
    try:
        weft.spawn(fail)
        for _ in range(10):
            weft.sleep(1e-6)
    finally:
        logger.removeFilter(refuse)
    assert capsys.readouterr().err.count("OSError: disk full") == 1


def test_a_group_whose_failure_cannot_be_put_into_words_still_ends_with_it() -> None:
    """It says why it cancels its tasks: one that waits, one that has not started, the block."""

    class Mute(Exception):
        def __repr__(self) -> str:
            raise ValueError("no words")

    def fail() -> None:
        raise Mute

    def wait() -> None:
        try:
            lowlevel.park("test")
        except weft.Cancelled as why:
            reasons.append(str(why))
            raise

    reasons: list[str] = []
    with pytest.raises(ExceptionGroup) as caught, weft.group() as group:
        group.spawn(wait)
        weft.checkpoint()
        group.spawn(fail)
        unborn = group.spawn(wait)
        wait()
    assert [type(each) for each in caught.value.exceptions] == [Mute]
    assert "Mute whose repr raised ValueError" in str(unborn.exception)
    assert len(reasons) == 2
    assert all("Mute whose repr raised ValueError" in reason for reason in reasons)
