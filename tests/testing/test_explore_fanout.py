"""map, gather, first and Pool under seeded schedules: bounded, complete, and nothing left behind.

``explore`` itself fails a run that leaves a task, or in which everybody waits for ever.
``WEFT_HAMMER=full`` tries a hundred thousand schedules of each.
"""

import os
import random
from collections.abc import Iterator

import weft
from weft.testing import explore

RUNS = 100_000 if os.environ.get("WEFT_HAMMER") == "full" else 1000


class Gauge:
    """A function for the tasks that counts how many of its calls are under way."""

    def __init__(self) -> None:
        self.running = self.most = 0
        self.tasks: list[weft.Task] = []

    def __call__(self, item: int) -> int:
        self.tasks.append(weft.current())
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            weft.sleep(random.choice([0, 0.001, 0.002]))
            if random.random() < 0.05:
                raise ValueError(item)
            return item
        finally:
            self.running -= 1

    def check(self, limit: int) -> None:
        """All have ended, no more than ``limit`` at a time; what failed unseen is no fault here."""
        assert self.running == 0
        assert self.most <= limit
        for task in self.tasks:
            assert isinstance(task.exception, ValueError | weft.Cancelled | None)


def items(count: int) -> Iterator[int]:
    for item in range(count):
        if random.random() < 0.2:
            weft.sleep(0.001)
        yield item


def settle() -> None:
    """Let what was cancelled end."""
    weft.sleep(0.01)


def test_map() -> None:
    def run() -> None:
        gauge, limit, count = Gauge(), random.randint(1, 4), random.randint(0, 8)
        ordered, errors = random.random() < 0.5, random.choice(["raise", "return"])
        found: list[object] = []
        try:
            with weft.timeout(random.choice([None, None, 0.002])) as patience:
                for each in weft.map(gauge, items(count), limit, ordered, errors=errors):
                    found.append(each)
                    if random.random() < 0.05:
                        break
                else:
                    assert len(found) == count
                    patience = None
        except TimeoutError:
            assert patience.expired
        except ValueError as error:
            assert errors == "raise"
            assert not ordered or error.args == (len(found),)
        numbers = [each for each in found if isinstance(each, int)]
        if ordered:
            assert numbers == sorted(numbers)
        assert len(set(numbers)) == len(numbers)
        settle()
        gauge.check(limit)

    explore(run, RUNS)


def test_gather_and_first() -> None:
    def run() -> None:
        gauge = Gauge()
        calls = [lambda n=n: gauge(n) for n in range(random.randint(1, 5))]
        try:
            with weft.timeout(random.choice([None, 0.001])):
                if random.random() < 0.5:
                    assert weft.gather(*calls) == list(range(len(calls)))
                else:
                    assert weft.first(*calls) in range(len(calls))
        except (TimeoutError, ValueError):
            pass
        except ExceptionGroup as error:
            assert len(error.exceptions) == len(calls)
        gauge.check(len(calls))  # at once: it waits for those it cancels

    explore(run, RUNS)


def test_pool() -> None:
    def run() -> None:
        gauge, size = Gauge(), random.randint(1, 3)
        pool = weft.Pool(size)

        def spawn(n: int) -> None:
            with weft.move_on_after(random.choice([None, 0, 0.001])):
                tasks.append(pool.spawn(gauge, n))

        tasks: list[weft.Task] = []
        spawners = [weft.spawn(spawn, n) for n in range(6)]
        for _ in range(random.randint(0, 3)):
            random.choice(spawners).cancel()
            if tasks:
                random.choice(tasks).cancel()
            weft.sleep(random.choice([0, 0.001]))
        weft.joinall(spawners)
        assert pool.join(10)
        assert all(task.done for task in tasks)
        gauge.check(size)
        with pool:
            again = [pool.spawn(weft.sleep, 0.001) for _ in range(size)]
            assert sum(not task.done for task in again) == size

    explore(run, RUNS)
