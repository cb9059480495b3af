"""A primitive between 8 native threads and 1,000 tasks on two hubs: exact counts, nothing lost.

``WEFT_HAMMER=full`` makes it a million operations each.
"""

import os
import random
import sys
from collections.abc import Callable, Iterator
from threading import Thread as OSThread

import pytest

import weft

OPERATIONS = 1_000_000 if os.environ.get("WEFT_HAMMER") == "full" else 100_000
THREADS = 8
TASKS = 500
WORKERS = THREADS + 2 * TASKS
# Of each worker.
TIMES = OPERATIONS // WORKERS + 1

Work = Callable[[int], object]


@pytest.fixture(autouse=True)
def threads_alternate() -> Iterator[None]:
    """CPython lets a thread run for 5 ms: these tests would hardly meet in that."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.00005)
    yield
    sys.setswitchinterval(interval)


def everywhere(work: Work) -> list[object]:
    """Call ``work(number)`` in every worker, all at once; what they returned, in no order."""
    start = weft.Barrier(WORKERS)
    results: list[object] = []
    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            start.wait()
            results.append(work(number))
        except BaseException as error:
            failures.append(error)

    def hub(first: int) -> None:
        weft.joinall([weft.spawn(guarded, first + number) for number in range(TASKS)])

    threads = [OSThread(target=guarded, args=(number,)) for number in range(THREADS)]
    threads.append(OSThread(target=hub, args=(THREADS,)))
    for thread in threads:
        thread.start()
    hub(THREADS + TASKS)
    for thread in threads:
        while thread.is_alive():
            weft.sleep(0.001)
    assert failures == [] and len(results) == WORKERS
    return results


class Room:
    """Notices when more are inside than may be; counts who passed, as only a lock makes exact."""

    def __init__(self, size: int = 1) -> None:
        self.size = size
        self.inside: set[int] = set()
        self.passed = 0

    def visit(self, number: int, pause: bool) -> None:
        self.inside.add(number)
        assert len(self.inside) <= self.size
        passed = self.passed
        try:
            if pause:
                weft.checkpoint()
        finally:
            if self.size == 1:
                self.passed = passed + 1
            assert len(self.inside) <= self.size
            self.inside.remove(number)


@pytest.mark.parametrize("make", [weft.Lock, weft.RLock, weft.Semaphore])
def test_one_at_a_time(make) -> None:
    thing, room = make(), Room()

    def work(number: int) -> None:
        chance = random.Random(number)
        for _ in range(TIMES):
            with thing:
                room.visit(number, pause=chance.random() < 0.05)

    everywhere(work)
    assert room.passed == WORKERS * TIMES
    assert not thing.locked() and thing.statistics()["waiting"] == 0


@pytest.mark.parametrize("make", [weft.BoundedSemaphore, weft.CapacityLimiter])
def test_no_more_than_seven_at_a_time(make) -> None:
    thing, room = make(7), Room(7)

    def work(number: int) -> None:
        chance = random.Random(number)
        for _ in range(TIMES):
            with thing:
                room.visit(number, pause=chance.random() < 0.05)

    everywhere(work)
    counts = thing.statistics()
    assert counts["waiting"] == 0 and counts.get("value", 7) == 7 and not counts.get("borrowed")


def test_an_event_that_is_set_and_cleared_wakes_everybody_each_time() -> None:
    come, gone, lock = weft.Event(), weft.Event(), weft.Lock()
    here = rounds = 0

    def work(number: int) -> None:
        nonlocal here, rounds
        for _ in range(TIMES):
            with lock:
                here += 1
                if here == WORKERS:
                    gone.clear()
                    come.set()
            assert come.wait() is True
            with lock:
                here -= 1
                if here == 0:
                    rounds += 1
                    come.clear()
                    gone.set()
            assert gone.wait() is True

    everywhere(work)
    assert (here, rounds) == (0, TIMES)
    assert come.statistics() == gone.statistics() == {"waiting": 0}


def test_every_notification_arrives() -> None:
    condition = weft.Condition()
    tokens = taken = 0

    def work(number: int) -> None:
        nonlocal tokens, taken
        for _ in range(TIMES):
            with condition:
                if number % 2:
                    tokens += 1
                    condition.notify()
                else:
                    while tokens == 0:
                        condition.wait()
                    tokens -= 1
                    taken += 1

    everywhere(work)
    assert (tokens, taken) == (0, WORKERS // 2 * TIMES)
    assert condition.statistics() == {"waiting": 0}


def test_a_barrier_lets_all_pass_round_after_round() -> None:
    rounds = 0

    def action() -> None:
        nonlocal rounds
        rounds += 1

    barrier = weft.Barrier(WORKERS, action)

    def work(number: int) -> int:
        return sum(barrier.wait() for _ in range(TIMES))

    places = everywhere(work)
    assert rounds == TIMES
    assert sum(places) == sum(range(WORKERS)) * TIMES


@pytest.mark.parametrize("make", [weft.Lock, weft.RLock, weft.Semaphore])
def test_timeouts_and_cancellations_lose_nothing(make) -> None:
    thing, room = make(), Room()
    workers: list[weft.Task] = []

    def work(number: int) -> int:
        chance, entered = random.Random(number), 0
        workers.append(weft.current())
        for _ in range(TIMES):
            if chance.random() < 0.2:
                chance.choice(workers).cancel()
            try:
                if thing.acquire(chance.choice([0, 0.00001, 0.001, None])):
                    try:
                        entered += 1
                        room.visit(number, pause=chance.random() < 0.05)
                    finally:
                        thing.release()
            except weft.Cancelled:
                pass
        return entered

    assert sum(everywhere(work)) == room.passed > 0
    assert not thing.locked() and thing.statistics()["waiting"] == 0
