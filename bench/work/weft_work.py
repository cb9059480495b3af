"""weft's side of every piece of work."""

from __future__ import annotations

import time

from _measure import LONG, TASKS, Early, Result, bytes_per, cpu_per, delays, rss, run

import weft
from weft import lowlevel


def noop() -> None:
    pass


def until_started() -> None:
    """Tasks start in the order they were spawned: all before this one have, and are parked."""
    weft.spawn(noop).join()


def spawn_all(count: int) -> None:
    weft.joinall([weft.spawn(noop) for _ in range(count)])


def spawn(count: int) -> Result:
    spawn_all(1000)
    return cpu_per(count, lambda: spawn_all(count))


def checkpoint(count: int) -> Result:
    def task() -> None:
        for _ in range(count // TASKS):
            weft.checkpoint()

    return cpu_per(count, lambda: weft.joinall([weft.spawn(task) for _ in range(TASKS)]))


def queue(count: int) -> Result:
    there, back = weft.Queue[int](), weft.Queue[int]()

    def ping() -> None:
        for _ in range(count):
            there.put(1)
            back.get()

    def pong() -> None:
        for _ in range(count):
            there.get()
            back.put(1)

    return cpu_per(count, lambda: weft.joinall([weft.spawn(ping), weft.spawn(pong)]))


def lock(count: int) -> Result:
    mutex = weft.Lock()

    def work() -> None:
        for _ in range(count):
            mutex.acquire()
            mutex.release()

    return cpu_per(count, work)


def group_all(count: int) -> None:
    with weft.group() as children:
        for _ in range(count):
            children.spawn(noop)


def group(count: int) -> Result:
    group_all(1000)
    return cpu_per(count, lambda: group_all(count))


def wake(count: int) -> Result:
    def park() -> None:
        lowlevel.park("event")

    def wake_all() -> None:
        for task in tasks:
            lowlevel.unpark(task)
        weft.joinall(tasks)

    tasks = [weft.spawn(park) for _ in range(count)]
    until_started()
    return cpu_per(count, wake_all)


def timers(count: int) -> Result:
    early = Early()

    def task(seconds: float) -> None:
        started = time.monotonic()
        weft.sleep(seconds)
        early.check(started, seconds)

    work = delays(count)
    result = cpu_per(count, lambda: weft.joinall([weft.spawn(task, s) for s in work]))
    return result | {"early": early.count}


def parked(count: int) -> Result:
    def task() -> None:
        weft.sleep(LONG)

    return parked_in(task, count)


def parked_native(count: int) -> Result:
    return parked_in(weft.sleep, count, LONG)


def parked_in(function, count: int, *args: float) -> Result:
    weft.joinall([weft.spawn(noop)])
    before = rss()
    tasks = [weft.spawn(function, *args) for _ in range(count)]
    until_started()
    result = bytes_per(count, before)
    assert not any(task.done for task in tasks)
    return result


run(
    {
        "spawn": spawn,
        "checkpoint": checkpoint,
        "queue": queue,
        "lock": lock,
        "group": group,
        "wake": wake,
        "timers": timers,
        "parked": parked,
        "parked_native": parked_native,
    }
)
