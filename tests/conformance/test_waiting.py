"""When every poller's wait ends: deadlines, wake-ups from other threads, nothing to do."""

import os
import threading
import time

import pytest

import weft
from weft import lowlevel


@pytest.mark.parametrize("nanoseconds", [1, 1_000, 50_000, 300_000, 999_999, 1_000_001, 2_500_000])
def test_a_wait_is_never_too_short(nanoseconds, pipe) -> None:
    reader, _ = pipe()
    for _ in range(5):
        start = time.monotonic_ns()
        weft.sleep(nanoseconds / 1e9)
        assert time.monotonic_ns() - start >= nanoseconds
        start = time.monotonic_ns()
        with pytest.raises(TimeoutError):
            lowlevel.wait_readable(reader, deadline=weft.now() + nanoseconds / 1e9)
        assert time.monotonic_ns() - start >= nanoseconds - 10  # now() is a float


def test_a_wait_asks_the_kernel_once_and_does_not_spin() -> None:
    before = lowlevel.statistics()["passes"]
    weft.sleep(0.02)
    assert lowlevel.statistics()["passes"] - before < 10


def test_a_past_deadline_still_looks(pipe) -> None:
    reader, writer = pipe()
    for deadline in (0, weft.now(), -1):
        with pytest.raises(TimeoutError):
            lowlevel.wait_readable(reader, deadline=deadline)
    os.write(writer, b"x")
    for deadline in (0, weft.now(), -1):
        lowlevel.wait_readable(reader, deadline=deadline)


def test_what_came_before_the_hub_looked_is_in_time(pipe, parked) -> None:
    """However late the hub looks, because a task kept it from it."""
    reader, writer = pipe()
    deadline = weft.now() + 0.005
    task = parked(lowlevel.wait_readable, reader, deadline=deadline)
    os.write(writer, b"x")
    while weft.now() < deadline + 0.001:
        pass
    assert task.result() is None


def test_a_deadline_disarms_the_descriptor(pipe) -> None:
    reader, writer = pipe()
    with pytest.raises(TimeoutError):
        lowlevel.wait_readable(reader, deadline=0)
    assert lowlevel.statistics()["descriptors"] == 0
    os.write(writer, b"x")
    lowlevel.wait_readable(reader)


@pytest.mark.parametrize("seconds", [1e5, 1e8, 1e12, 1e300])
def test_a_wait_of_ages_is_one_the_kernel_takes(seconds, parked) -> None:
    task = parked(weft.sleep, seconds)
    weft.sleep(1e-3)
    assert task.state == "parked"
    task.cancel()
    task.join()


def test_another_thread_ends_the_wait() -> None:
    """Many times: in each the wait may be about to begin, on, or over."""
    main = weft.current()
    rounds = 300

    def waker() -> None:
        for n in range(rounds):
            while not lowlevel.unpark(main, n):
                time.sleep(0)

    thread = threading.Thread(target=waker)
    thread.start()
    for n in range(rounds):
        assert lowlevel.park("another thread", deadline=weft.now() + 60) == n
    thread.join()


def test_many_wake_ups_from_another_thread_end_one_wait() -> None:
    """The pipe or eventfd must not fill up."""
    tasks = [weft.spawn(lowlevel.park, "another thread") for _ in range(100)]
    weft.checkpoint()

    def waker() -> None:
        for _ in range(100_000):
            task = tasks[-1]
            if lowlevel.unpark(task):
                tasks.pop()
                if not tasks:
                    return

    thread = threading.Thread(target=waker)
    everyone = list(tasks)
    thread.start()
    weft.joinall(everyone)
    thread.join()


def test_a_wait_with_nothing_to_wait_for_ends_by_another_thread(parked) -> None:
    task = parked(lowlevel.park, "another thread")
    thread = threading.Thread(target=lowlevel.unpark, args=(task, "value"))
    thread.start()
    assert task.result() == "value"
    thread.join()


def test_events_and_deadlines_of_one_pass_are_both_served(pipe, parked) -> None:
    reader, writer = pipe()
    sleeper = parked(weft.sleep, 1e-3)
    waiter = parked(lowlevel.wait_readable, reader)
    os.write(writer, b"x")
    until = weft.now() + 2e-3
    while weft.now() < until:
        pass
    weft.joinall([sleeper, waiter])
