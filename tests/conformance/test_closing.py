"""Descriptors that are closed while tasks wait, through weft and behind its back, and reused."""

import errno
import os
import threading
import time
from select import POLLIN

import pytest

import weft
from weft import lowlevel


def assert_refused(task: weft.Task) -> None:
    with pytest.raises(OSError) as seen:
        task.result()
    assert seen.value.errno == errno.EBADF


def reuse(fd: int, like: int) -> None:
    """Close ``fd`` behind weft's back and give its number to the file of ``like``."""
    os.dup2(like, fd)


# -- through weft ----------------------------------------------------------------------------


def test_closing_wakes_the_waiters_of_both_directions(pair, parked, fill) -> None:
    mine, _ = pair()
    fd = mine.fileno()
    fill(fd)
    tasks = [
        parked(lowlevel.wait_readable, fd),
        parked(lowlevel.wait_readable, fd),
        parked(lowlevel.wait_writable, fd),
        parked(lowlevel.wait_fds, [(fd, POLLIN)]),
    ]
    lowlevel.closing(fd)
    mine.close()
    for task in tasks:
        assert_refused(task)
    assert lowlevel.statistics()["descriptors"] == 0


def test_closing_what_nobody_waits_for_does_nothing(pipe) -> None:
    reader, _ = pipe()
    lowlevel.closing(reader)
    lowlevel.closing(2**20)
    lowlevel.closing(-1)


def test_closing_one_of_several_descriptors(pipe, parked) -> None:
    first, second = pipe(), pipe()
    task = parked(lowlevel.wait_fds, [(first[0], POLLIN), (second[0], POLLIN)])
    lowlevel.closing(second[0])
    os.close(second[0])
    assert_refused(task)
    other = parked(lowlevel.wait_readable, first[0])
    os.write(first[1], b"x")
    other.join()


def test_closing_wakes_waiters_on_every_hub(pipe) -> None:
    reader, _ = pipe()
    waiting: list[weft.Task] = []
    seen: list[int] = []

    def run() -> None:
        waiting.append(weft.current())
        try:
            lowlevel.wait_readable(reader)
        except OSError as exc:
            seen.append(exc.errno)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    while [task.state for task in waiting] != ["parked"] * 3:
        time.sleep(0)
    lowlevel.closing(reader)
    os.close(reader)
    for thread in threads:
        thread.join()
    assert seen == [errno.EBADF] * 3


def test_after_closing_the_number_serves_another_file(pipe, parked) -> None:
    for _ in range(20):
        reader, writer = pipe()
        task = parked(lowlevel.wait_readable, reader)
        lowlevel.closing(reader)
        os.close(reader)
        new_reader, new_writer = pipe()
        assert new_reader == reader
        assert_refused(task)
        task = parked(lowlevel.wait_readable, new_reader)
        os.close(writer)
        weft.sleep(1e-6)
        assert task.state == "parked"
        os.write(new_writer, b"x")
        task.join()
        os.close(new_reader)
        os.close(new_writer)


def test_an_event_that_came_before_closing_is_not_given_to_the_next_file(pipe, parked) -> None:
    """The kernel may have it ready while the number changes hands."""
    reader, writer = pipe()
    keep = os.dup(reader)  # keeps the old file, and what epoll knows of it, alive
    task = parked(lowlevel.wait_readable, reader)
    os.write(writer, b"x")
    lowlevel.closing(reader)
    os.close(reader)
    new_reader, new_writer = pipe()
    assert new_reader == reader
    assert_refused(task)
    task = parked(lowlevel.wait_readable, new_reader)
    weft.sleep(1e-4)
    assert task.state == "parked"
    os.write(new_writer, b"x")
    task.join()
    os.close(keep)


# -- behind weft's back ------------------------------------------------------------------------


def test_a_number_reused_while_nobody_waits(pipe, parked) -> None:
    reader, writer = pipe()
    os.write(writer, b"x")
    lowlevel.wait_readable(reader)
    for _ in range(3):
        other_reader, other_writer = pipe()
        reuse(reader, other_reader)
        task = parked(lowlevel.wait_readable, reader)
        os.write(other_writer, b"x")
        task.join()


def test_a_number_reused_after_a_wait_that_gave_up(pipe, parked) -> None:
    reader, writer = pipe()
    with pytest.raises(TimeoutError):
        lowlevel.wait_readable(reader, deadline=0)
    keep = os.dup(reader)  # keeps the old file alive: its events must not count
    other_reader, other_writer = pipe()
    reuse(reader, other_reader)
    task = parked(lowlevel.wait_readable, reader)
    os.write(writer, b"x")
    weft.sleep(1e-4)
    assert task.state == "parked"
    os.write(other_writer, b"x")
    task.join()
    os.close(keep)


def test_a_number_reused_while_another_task_still_waits_for_the_old_file(pipe, parked) -> None:
    """The old waiter is lost as with threads; the new one must not be lost with it."""
    reader, _ = pipe()
    old = parked(lowlevel.wait_readable, reader)
    other_reader, other_writer = pipe()
    reuse(reader, other_reader)
    new = parked(lowlevel.wait_readable, reader)
    os.write(other_writer, b"x")
    new.join()
    old.cancel()
    old.join()


def test_a_closed_number_is_refused_to_the_next_waiter(pipe, parked) -> None:
    reader, _ = pipe()
    old = parked(lowlevel.wait_readable, reader)
    os.close(reader)
    new = weft.spawn(lowlevel.wait_readable, reader)
    assert_refused(new)
    old.cancel()
    old.join()


def test_a_descriptor_closed_during_a_wait_does_not_disturb_others(pipe, parked) -> None:
    """select() refuses all for one; poll() reports it; epoll forgets it."""
    lost, _ = pipe()
    reader, writer = pipe()
    forlorn = parked(lowlevel.wait_readable, lost)
    task = parked(lowlevel.wait_readable, reader)
    os.close(lost)
    weft.sleep(1e-4)
    os.write(writer, b"x")
    task.join()
    forlorn.cancel()
    forlorn.join()


def test_one_of_two_waiters_of_a_closed_descriptor_leaves(pair, parked, fill) -> None:
    mine, _ = pair()
    fd = mine.fileno()
    fill(fd)
    reading = parked(lowlevel.wait_readable, fd)
    writing = parked(lowlevel.wait_writable, fd)
    mine.close()
    reading.cancel()
    weft.sleep(1e-4)
    writing.cancel()
    weft.joinall([reading, writing])
    assert lowlevel.statistics()["descriptors"] == 0


def test_wait_fds_survives_descriptors_closed_during_the_wait(pipe, parked) -> None:
    pipes = [pipe() for _ in range(4)]
    task = parked(lowlevel.wait_fds, [(reader, POLLIN) for reader, _ in pipes])
    os.close(pipes[1][0])
    os.write(pipes[2][1], b"x")
    assert task.result() is True
