"""asyncio's side of every piece of work; uvloop_work.py runs the same on its own loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from _measure import LONG, TASKS, Early, Result, bytes_per, delays, rss, run

AsyncWork = Callable[[int], Awaitable[Result]]
Join = Callable[[list[asyncio.Task[None]]], Awaitable[None]]


async def noop() -> None:
    pass


async def measured(operations: int, work: Coroutine[Any, Any, object]) -> Result:
    """:func:`cpu_per` for a coroutine: the loop runs it, in this process as all else."""
    wall, cpu = time.perf_counter(), time.process_time()
    await work
    cpu = time.process_time() - cpu
    return {"cpu_us": cpu / operations * 1e6, "wall_s": time.perf_counter() - wall}


async def until_started() -> None:
    """Tasks start in the order they were created: all before this one have, and wait."""
    await asyncio.create_task(noop())


async def join_all(tasks: list[asyncio.Task[None]]) -> None:
    await asyncio.gather(*tasks)


async def join_each(tasks: list[asyncio.Task[None]]) -> None:
    """Cheaper than gather and wait, which add a callback to every task."""
    for task in tasks:
        await task


async def spawn_all(count: int, join: Join) -> None:
    create = asyncio.get_running_loop().create_task
    await join([create(noop()) for _ in range(count)])


async def spawn(count: int, join: Join = join_all) -> Result:
    await spawn_all(1000, join)
    return await measured(count, spawn_all(count, join))


async def spawn_cheapest(count: int) -> Result:
    return await spawn(count, join_each)


async def checkpoint(count: int) -> Result:
    async def task() -> None:
        for _ in range(count // TASKS):
            await asyncio.sleep(0)

    return await measured(count, join_all([asyncio.create_task(task()) for _ in range(TASKS)]))


async def queue(count: int) -> Result:
    there: asyncio.Queue[int] = asyncio.Queue()
    back: asyncio.Queue[int] = asyncio.Queue()

    async def ping() -> None:
        for _ in range(count):
            await there.put(1)
            await back.get()

    async def pong() -> None:
        for _ in range(count):
            await there.get()
            await back.put(1)

    tasks = [asyncio.create_task(ping()), asyncio.create_task(pong())]
    return await measured(count, join_all(tasks))


async def lock(count: int) -> Result:
    mutex = asyncio.Lock()

    async def work() -> None:
        for _ in range(count):
            await mutex.acquire()
            mutex.release()

    return await measured(count, work())


async def group_all(count: int) -> None:
    async with asyncio.TaskGroup() as children:
        for _ in range(count):
            children.create_task(noop())


async def group(count: int) -> Result:
    await group_all(1000)
    return await measured(count, group_all(count))


async def wake(count: int, join: Join = join_all) -> Result:
    event = asyncio.Event()

    async def park() -> None:
        await event.wait()

    async def wake_all() -> None:
        event.set()
        await join(tasks)

    tasks = [asyncio.create_task(park()) for _ in range(count)]
    await until_started()
    return await measured(count, wake_all())


async def wake_cheapest(count: int) -> Result:
    return await wake(count, join_each)


async def timers(count: int) -> Result:
    early = Early()

    async def task(seconds: float) -> None:
        started = time.monotonic()
        await asyncio.sleep(seconds)
        early.check(started, seconds)

    async def sleep_all() -> None:
        await join_all([asyncio.create_task(task(seconds)) for seconds in work])

    work = delays(count)
    return await measured(count, sleep_all()) | {"early": early.count}


async def parked(count: int) -> Result:
    async def task() -> None:
        await asyncio.sleep(LONG)

    await spawn_all(1, join_all)
    before = rss()
    tasks = [asyncio.create_task(task()) for _ in range(count)]
    await until_started()
    result = bytes_per(count, before)
    assert not any(task.done() for task in tasks)
    return result


WORKS: dict[str, AsyncWork] = {
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


def run_all(runner: Callable[[Coroutine[Any, Any, Result]], Result]) -> None:
    """Give every work to ``runner``, which is some loop's ``run``."""

    def on_loop(work: AsyncWork) -> Callable[[int], Result]:
        async def main(count: int) -> Result:
            return await work(count)

        return lambda count: runner(main(count))

    run({name: on_loop(work) for name, work in WORKS.items()})


if __name__ == "__main__":
    run_all(asyncio.run)
