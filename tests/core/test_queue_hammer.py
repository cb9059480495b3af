"""Queues and channels between OS threads and hubs: every item comes once, in order."""

import random
import sys
from collections.abc import Callable, Iterator
from queue import Empty, Full
from threading import Thread as OSThread

import pytest

import weft


@pytest.fixture(autouse=True)
def threads_alternate() -> Iterator[None]:
    """CPython lets a thread run for 5 ms: most of these tests would be over in one turn."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.00001)
    yield
    sys.setswitchinterval(interval)


THREADS = 8  # plain ones, each of which waits for itself
TASKS = 1000  # half of them on this thread's hub, half on another one's
WORKERS = THREADS + TASKS

Item = tuple[int, int]
Put = Callable[[Item], None]
Get = Callable[[], Item]


def everywhere(work: Callable[[int], None]) -> None:
    """Run ``work(number)`` once in each of the threads and tasks, and see that none fails."""
    failures: list[BaseException | None] = []

    def on_hub(numbers: range) -> None:
        tasks = [weft.spawn(work, number) for number in numbers]
        weft.joinall(tasks)
        failures.extend(task.exception for task in tasks)

    def alone(number: int) -> None:
        try:
            work(number)
        except BaseException as exc:
            failures.append(exc)

    threads = [OSThread(target=alone, args=(TASKS + n,), name=f"plain-{n}") for n in range(THREADS)]
    threads.append(OSThread(target=on_hub, args=(range(TASKS // 2),), name="hub"))
    for each in threads:
        each.start()
    on_hub(range(TASKS // 2, TASKS))
    for each in threads:
        while each.is_alive():
            weft.sleep(0.001)
    assert [failure for failure in failures if failure] == []


def through_queue(queue: weft.Queue) -> tuple[Put, Get]:
    return queue.put, queue.get


def through_channel(size: int) -> tuple[Put, Get]:
    tx, rx = weft.channel(size)
    return tx.send, rx.receive


def through_choose(queue: weft.Queue) -> tuple[Put, Get]:
    """Sometimes chosen among two cases, of which one never comes."""
    chance, never = random.Random(1), weft.Queue()

    def put(item: Item) -> None:
        if chance.random() < 0.5:
            weft.choose(never, queue.putting(item))
        else:
            queue.put(item)

    def get() -> Item:
        return weft.choose(never, queue)[1] if chance.random() < 0.5 else queue.get()

    return put, get


WAYS = {
    "queue": lambda: through_queue(weft.Queue()),
    "bounded": lambda: through_queue(weft.Queue(20)),
    "lifo": lambda: through_queue(weft.LifoQueue(20)),
    "priority": lambda: through_queue(weft.PriorityQueue(20)),
    "channel": lambda: through_channel(0),
    "choose": lambda: through_choose(weft.Queue(3)),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_item_put_is_got_once(way, hammer) -> None:
    """A million operations in all where ``hammer`` is full."""
    put, get = WAYS[way]()
    times = hammer(1_000_000) // WORKERS
    got: list[list[Item]] = []

    def work(number: int) -> None:
        if number % 2:
            for index in range(times):
                put((number, index))
        else:
            got.append([get() for _ in range(times)])

    everywhere(work)
    every = sorted(item for some in got for item in some)
    assert every == [(n, index) for n in range(1, WORKERS, 2) for index in range(times)]
    if way not in ("lifo", "priority"):
        assert all(in_order(some) for some in got)


def in_order(items: list[Item]) -> bool:
    """Whether nobody's item came after a later one of his."""
    last: dict[int, int] = {}
    for number, index in items:
        if last.get(number, -1) > index:
            return False
        last[number] = index
    return True


def test_timeouts_between_threads_lose_nothing(hammer) -> None:
    queue = weft.Queue(5)
    times = hammer(1_000_000) // WORKERS // 5
    put: list[Item] = []
    got: list[Item] = []

    def work(number: int) -> None:
        chance = random.Random(number)
        for index in range(times):
            seconds = chance.choice([0, 0.00001, 0.0005, 0.02])
            try:
                if number % 2:
                    queue.put((number, index), timeout=seconds)
                    put.append((number, index))
                else:
                    got.append(queue.get(timeout=seconds))
            except (Full, Empty):
                pass

    everywhere(work)
    while not queue.empty():
        got.append(queue.get())
    assert sorted(got) == sorted(put)
    assert queue.statistics()["putting"] == queue.statistics()["getting"] == 0


def test_a_shutdown_between_threads_ends_everybody(hammer) -> None:
    """Whoever was told that his item is in finds it got, and nobody waits on."""
    for _ in range(hammer(100)):
        queue = weft.Queue(2)
        put: list[Item] = []
        got: list[Item] = []

        def work(number: int, queue=queue, put=put, got=got) -> None:
            try:
                for index in range(1000):
                    if number % 2:
                        queue.put((number, index))
                        put.append((number, index))
                    else:
                        got.append(queue.get())
                    if len(put) > 300:
                        queue.shutdown()
            except weft.ShutDown:
                pass

        everywhere(work)
        assert sorted(got) == sorted(put)
