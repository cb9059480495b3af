"""Locks and what stands on them, under random schedules and between OS threads: nothing is lost."""

import random
import sys
from collections.abc import Iterator
from threading import Thread as OSThread

import pytest

import weft
from weft._core._lock import RLock, allocate_lock
from weft._core._simplequeue import SimpleQueue
from weft.queue import Empty, Full, Queue
from weft.threading import BoundedSemaphore, Condition, Event, get_ident


@pytest.fixture(autouse=True)
def threads_alternate() -> Iterator[None]:
    """CPython lets a thread run for 5 ms: most of these tests would be over in one turn."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.00001)
    yield
    sys.setswitchinterval(interval)


THREADS = 4
TASKS = 8


def on_every_hub(fn) -> None:
    """Run ``fn(number)`` in tasks of four OS threads and of this one, and in their main tasks."""
    failures: list[BaseException | None] = []

    def thread(first: int) -> None:
        tasks = [weft.spawn(fn, first + number) for number in range(1, TASKS)]
        try:
            fn(first)
        finally:
            weft.joinall(tasks)
            failures.extend(task.exception for task in tasks)

    threads = [
        OSThread(target=thread, args=(TASKS * n,), name=f"hammer-{n}") for n in range(THREADS)
    ]
    for each in threads:
        each.start()
    thread(TASKS * THREADS)
    for each in threads:
        while each.is_alive():
            weft.sleep(0.001)
    assert [failure for failure in failures if failure] == []


WORKERS = TASKS * (THREADS + 1)


class Exclusive:
    """Notices when two are inside at once."""

    def __init__(self) -> None:
        self.inside = 0
        self.passed = 0

    def visit(self, pause: bool) -> None:
        self.inside += 1
        assert self.inside == 1
        try:
            if pause:
                weft.checkpoint()
        finally:
            assert self.inside == 1
            self.passed += 1
            self.inside -= 1


@pytest.mark.parametrize("make", [allocate_lock, RLock])
def test_one_at_a_time_between_threads(make, hammer) -> None:
    lock, room, times = make(), Exclusive(), hammer(50_000) // 5

    def work(number: int) -> None:
        chance = random.Random(number)
        for _ in range(times):
            with lock:
                room.visit(chance.random() < 0.1)

    on_every_hub(work)
    assert room.passed == WORKERS * times
    assert lock.acquire(False)


def test_timeouts_between_threads_lose_nothing(hammer) -> None:
    lock, room, times = allocate_lock(), Exclusive(), hammer(20_000) // 5
    taken = []

    def work(number: int) -> None:
        chance = random.Random(number)
        got = 0
        for _ in range(times):
            if lock.acquire(timeout=chance.choice([0, 0.00001, 0.0005, 1])):
                got += 1
                room.visit(chance.random() < 0.1)
                lock.release()
        taken.append(got)

    on_every_hub(work)
    assert room.passed == sum(taken)
    assert lock.acquire(False)


@pytest.mark.parametrize("make", [Queue, SimpleQueue, lambda: Queue(3)], ids=str)
def test_every_item_put_is_got_once(make, hammer) -> None:
    queue, times = make(), hammer(20_000) // 5
    got: list[int] = []

    def work(number: int) -> None:
        for index in range(times):
            if number % 2:
                queue.put(number * times + index)
            else:
                got.append(queue.get())

    # As many getters as putters.
    assert WORKERS % 2 == 0
    on_every_hub(work)
    wanted = [n * times + index for n in range(1, WORKERS, 2) for index in range(times)]
    assert sorted(got) == wanted
    assert queue.qsize() == 0


def test_every_notification_of_a_condition_arrives(hammer) -> None:
    condition, times = Condition(), hammer(10_000) // 5
    tokens = [0]
    taken = [0]

    def work(number: int) -> None:
        for _ in range(times):
            with condition:
                if number % 2:
                    tokens[0] += 1
                    condition.notify()
                else:
                    while tokens[0] == 0:
                        condition.wait()
                    tokens[0] -= 1
                    taken[0] += 1

    on_every_hub(work)
    assert tokens == [0] and taken == [WORKERS // 2 * times]


def test_a_semaphore_between_threads_admits_no_more_than_its_value(hammer) -> None:
    semaphore, inside, most = BoundedSemaphore(3), [0], [0]
    counting = allocate_lock()

    def work(number: int) -> None:
        for _ in range(hammer(10_000) // 5):
            with semaphore:
                with counting:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                weft.checkpoint()
                with counting:
                    inside[0] -= 1

    on_every_hub(work)
    assert inside == [0] and 1 <= most[0] <= 3


def test_events_wake_all_who_wait_on_any_hub(hammer) -> None:
    rounds = [Event() for _ in range(hammer(5_000) // 5)]
    arrived, counting = [0] * len(rounds), allocate_lock()

    def work(number: int) -> None:
        for index, event in enumerate(rounds):
            with counting:
                arrived[index] += 1
                last = arrived[index] == WORKERS
            if last:
                event.set()
            assert event.wait()

    on_every_hub(work)
    assert arrived == [WORKERS] * len(rounds)


def test_identities_are_unique_among_all_that_live() -> None:
    everybody = [Event() for _ in range(WORKERS)]
    seen: set[int] = set()

    def work(number: int) -> None:
        seen.add(get_ident())
        everybody[number].set()
        for event in everybody:
            event.wait()

    on_every_hub(work)
    assert len(seen) == WORKERS


# -- random schedules --------------------------------------------------------------------


SEEDS = pytest.mark.parametrize("seed", range(20))


def interfere(chance: random.Random, tasks: list[weft.Task], acts: int) -> None:
    """Cancel tasks at random, between random checkpoints."""
    for _ in range(acts):
        chance.choice(tasks).cancel()
        for _ in range(chance.randrange(4)):
            weft.checkpoint()
        if chance.random() < 0.1:
            weft.sleep(0.0005)


def persist(step, chance: random.Random, times: int) -> int:
    """Call ``step`` so often, whatever is cancelled; how often it succeeded."""
    succeeded = 0
    for _ in range(times):
        try:
            succeeded += bool(step())
            if chance.random() < 0.3:
                weft.checkpoint()
        except weft.Cancelled:
            pass
    return succeeded


@SEEDS
@pytest.mark.parametrize("make", [allocate_lock, RLock])
def test_cancellations_and_timeouts_lose_no_lock(make, seed) -> None:
    chance = random.Random(seed)
    lock, room = make(), Exclusive()
    entered = [0]

    def step() -> bool:
        how = chance.choice([(True, -1), (True, 0.0002), (True, 0.05), (False, -1)])
        if not lock.acquire(*how):
            return False
        try:
            entered[0] += 1
            room.visit(pause=chance.random() < 0.5)
        finally:
            lock.release()
        return True

    tasks = [weft.spawn(persist, step, chance, 50) for _ in range(8)]
    interfere(chance, tasks, 100)
    for task in tasks:
        assert task.join(30), task
    assert room.passed == entered[0] and room.inside == 0
    assert lock.acquire(False)


def stuck(tasks: list[weft.Task]) -> list[weft.Task]:
    """Those of ``tasks`` that wait for one another, once all the rest is done."""
    while True:
        left = [task for task in tasks if not task.done]
        if all(task.state == "parked" and "s left" not in task.wait_reason for task in left):
            return left
        weft.sleep(0.0005)


@SEEDS
@pytest.mark.parametrize("make", [SimpleQueue, Queue, lambda: Queue(2)], ids=str)
def test_cancellations_and_timeouts_lose_no_item(make, seed) -> None:
    chance = random.Random(seed)
    # Many short ones: a later item makes good for a waiter that was passed over.
    for _ in range(30):
        Exchange(make(), chance).run()


class Exchange:
    """Tasks that put and get at random, and cancel one another."""

    def __init__(self, queue, chance: random.Random) -> None:
        self.queue, self.chance = queue, chance
        self.put = self.got = 0
        self.putters: set[weft.Task] = set()
        self.tasks = [weft.spawn(persist, self.step, chance, 4) for _ in range(8)]

    def step(self) -> None:
        if self.chance.random() < 0.5:
            # One that waits, so that it does not run before the next operation.
            waiting = [task for task in self.tasks if task.state == "parked"]
            self.chance.choice(waiting or self.tasks).cancel()
        try:
            if self.chance.random() < 0.4:
                self.putters.add(weft.current())
                self.queue.put(None, timeout=self.chance.choice([None, 0.0003]))
                self.put += 1
            else:
                self.putters.discard(weft.current())
                self.queue.get(timeout=self.chance.choice([None, None, 0.0003]))
                self.got += 1
        except (Empty, Full):
            pass

    def run(self) -> None:
        """Let all come to their end, and see that whoever waits has reason to."""
        while left := stuck(self.tasks):
            if left[0] in self.putters:
                assert self.queue.full()
                self.queue.get()
                self.got += 1
            else:
                assert self.queue.qsize() == 0
                self.queue.put(None)
                self.put += 1
        assert self.put == self.got + self.queue.qsize()
