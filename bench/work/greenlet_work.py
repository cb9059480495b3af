"""The floor under the green peers: greenlets and a list as the ready queue, nothing else."""

from __future__ import annotations

from collections import deque

from _measure import TASKS, Result, bytes_per, cpu_per, rss, run
from greenlet import getcurrent, greenlet

hub = getcurrent()
ready: deque[greenlet] = deque()


def noop() -> None:
    pass


def run_until_empty() -> None:
    while ready:
        ready.popleft().switch()


def spawn_all(count: int) -> None:
    tasks = [greenlet(noop) for _ in range(count)]
    ready.extend(tasks)
    run_until_empty()


def spawn(count: int) -> Result:
    spawn_all(1000)
    return cpu_per(count, lambda: spawn_all(count))


def checkpoint(count: int) -> Result:
    def task() -> None:
        me, switch_to_hub = getcurrent(), hub.switch
        for _ in range(count // TASKS):
            ready.append(me)
            switch_to_hub()

    ready.extend([greenlet(task) for _ in range(TASKS)])
    return cpu_per(count, run_until_empty)


def wake(count: int) -> Result:
    def task() -> None:
        hub.switch()

    tasks = [greenlet(task) for _ in range(count)]
    ready.extend(tasks)
    run_until_empty()
    ready.extend(tasks)
    return cpu_per(count, run_until_empty)


def parked(count: int) -> Result:
    def task() -> None:
        hub.switch()

    return parked_in(task, count)


def parked_native(count: int) -> Result:
    return parked_in(hub.switch, count)


def parked_in(function, count: int) -> Result:
    spawn_all(1)
    before = rss()
    tasks = [greenlet(function) for _ in range(count)]
    ready.extend(tasks)
    run_until_empty()
    result = bytes_per(count, before)
    assert not any(task.dead for task in tasks)
    return result


run(
    {
        "spawn": spawn,
        "checkpoint": checkpoint,
        "wake": wake,
        "parked": parked,
        "parked_native": parked_native,
    }
)
