"""gevent's side of every piece of work."""

from __future__ import annotations

import time

import gevent
import gevent.event
import gevent.lock
import gevent.pool
import gevent.queue
from _measure import LONG, TASKS, Early, Result, bytes_per, cpu_per, delays, rss, run
from gevent.hub import Waiter


def noop() -> None:
    pass


def until_started() -> None:
    """Greenlets start in the order they were spawned: all before this one have, and are parked."""
    gevent.spawn(noop).join()


def join_each(tasks: list[gevent.Greenlet]) -> None:
    for task in tasks:
        task.join()


def spawn_all(count: int) -> None:
    gevent.joinall([gevent.spawn(noop) for _ in range(count)])


def spawn(count: int) -> Result:
    spawn_all(1000)
    return cpu_per(count, lambda: spawn_all(count))


def spawn_cheapest(count: int) -> Result:
    spawn_all(1000)
    return cpu_per(count, lambda: join_each([gevent.spawn(noop) for _ in range(count)]))


def checkpoint(count: int) -> Result:
    def task() -> None:
        for _ in range(count // TASKS):
            gevent.sleep(0)

    return cpu_per(count, lambda: gevent.joinall([gevent.spawn(task) for _ in range(TASKS)]))


def queue(count: int) -> Result:
    there, back = gevent.queue.Queue(), gevent.queue.Queue()

    def ping() -> None:
        for _ in range(count):
            there.put(1)
            back.get()

    def pong() -> None:
        for _ in range(count):
            there.get()
            back.put(1)

    return cpu_per(count, lambda: gevent.joinall([gevent.spawn(ping), gevent.spawn(pong)]))


def lock(count: int) -> Result:
    mutex = gevent.lock.BoundedSemaphore()

    def work() -> None:
        for _ in range(count):
            mutex.acquire()
            mutex.release()

    return cpu_per(count, work)


def group_all(count: int) -> None:
    children = gevent.pool.Group()
    for _ in range(count):
        children.spawn(noop)
    children.join()


def group(count: int) -> Result:
    group_all(1000)
    return cpu_per(count, lambda: group_all(count))


def wake(count: int) -> Result:
    event = gevent.event.Event()

    def wake_all() -> None:
        event.set()
        gevent.joinall(tasks)

    tasks = [gevent.spawn(event.wait) for _ in range(count)]
    until_started()
    return cpu_per(count, wake_all)


def wake_cheapest(count: int) -> Result:
    """A Waiter for each and no joinall: less than its users would write."""
    run_callback = gevent.get_hub().loop.run_callback

    def wake_all() -> None:
        for waiter in waiters:
            run_callback(waiter.switch, None)
        join_each(tasks)

    waiters = [Waiter() for _ in range(count)]
    tasks = [gevent.spawn(waiter.get) for waiter in waiters]
    until_started()
    return cpu_per(count, wake_all)


def timers(count: int) -> Result:
    early = Early()

    def task(seconds: float) -> None:
        started = time.monotonic()
        gevent.sleep(seconds)
        early.check(started, seconds)

    work = delays(count)
    result = cpu_per(count, lambda: gevent.joinall([gevent.spawn(task, s) for s in work]))
    return result | {"early": early.count}


def parked(count: int) -> Result:
    def task() -> None:
        gevent.sleep(LONG)

    gevent.joinall([gevent.spawn(noop)])
    before = rss()
    tasks = [gevent.spawn(task) for _ in range(count)]
    until_started()
    result = bytes_per(count, before)
    assert not any(task.dead for task in tasks)
    return result


run(
    {
        "spawn": spawn,
        "spawn_cheapest": spawn_cheapest,
        "checkpoint": checkpoint,
        "queue": queue,
        "lock": lock,
        "group": group,
        "wake": wake,
        "wake_cheapest": wake_cheapest,
        "timers": timers,
        "parked": parked,
    }
)
