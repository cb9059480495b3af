"""eventlet's side of every piece of work."""

from __future__ import annotations

import time
import warnings

warnings.simplefilter("ignore")  # it announces its own retirement

import eventlet  # noqa: E402
import eventlet.event  # noqa: E402
import eventlet.queue  # noqa: E402
from _measure import (  # noqa: E402
    LONG,
    TASKS,
    Early,
    Result,
    bytes_per,
    cpu_per,
    delays,
    rss,
    run,
)


def noop() -> None:
    pass


def until_started() -> None:
    """Greenthreads start in the order they were spawned: all before this one are parked."""
    eventlet.spawn(noop).wait()


def join_all(tasks) -> None:
    for task in tasks:
        task.wait()


def spawn_all(count: int) -> None:
    join_all([eventlet.spawn(noop) for _ in range(count)])


def spawn(count: int) -> Result:
    spawn_all(1000)
    return cpu_per(count, lambda: spawn_all(count))


def checkpoint(count: int) -> Result:
    def task() -> None:
        for _ in range(count // TASKS):
            eventlet.sleep(0)

    return cpu_per(count, lambda: join_all([eventlet.spawn(task) for _ in range(TASKS)]))


def queue(count: int) -> Result:
    there, back = eventlet.queue.LightQueue(), eventlet.queue.LightQueue()

    def ping() -> None:
        for _ in range(count):
            there.put(1)
            back.get()

    def pong() -> None:
        for _ in range(count):
            there.get()
            back.put(1)

    return cpu_per(count, lambda: join_all([eventlet.spawn(ping), eventlet.spawn(pong)]))


def wake(count: int) -> Result:
    event = eventlet.event.Event()

    def wake_all() -> None:
        event.send(None)
        join_all(tasks)

    tasks = [eventlet.spawn(event.wait) for _ in range(count)]
    until_started()
    return cpu_per(count, wake_all)


def timers(count: int) -> Result:
    early = Early()

    def task(seconds: float) -> None:
        started = time.monotonic()
        eventlet.sleep(seconds)
        early.check(started, seconds)

    work = delays(count)
    result = cpu_per(count, lambda: join_all([eventlet.spawn(task, s) for s in work]))
    return result | {"early": early.count}


def parked(count: int) -> Result:
    def task() -> None:
        eventlet.sleep(LONG)

    spawn_all(1)
    before = rss()
    tasks = [eventlet.spawn(task) for _ in range(count)]
    until_started()
    result = bytes_per(count, before)
    assert not any(task.dead for task in tasks)
    return result


run(
    {
        "spawn": spawn,
        "checkpoint": checkpoint,
        "queue": queue,
        "wake": wake,
        "timers": timers,
        "parked": parked,
    }
)
