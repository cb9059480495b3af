"""Every primitive under a thousand schedules, with cancellations and timeouts at every point.

``WEFT_HAMMER=full`` makes it a hundred thousand.
"""

import os
import random
from collections.abc import Callable
from threading import BrokenBarrierError

import pytest

import weft
from weft.testing import explore

RUNS = 100_000 if os.environ.get("WEFT_HAMMER") == "full" else 1000
MAKERS = {
    "lock": weft.Lock,
    "rlock": weft.RLock,
    "condition": weft.Condition,
    "semaphore": weft.Semaphore,
    "limiter": lambda: weft.CapacityLimiter(1),
}
KINDS = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
# Not to wait, to wait for a moment, to wait for ever.
SECONDS = [None, None, 0, 0.001, 0.002]


def pause() -> None:
    """Go on at once, let others run, or let time pass."""
    random.choice([int, weft.checkpoint, lambda: weft.sleep(0.001)])()


def counts(thing) -> dict[str, int]:
    return getattr(thing, "lock", thing).statistics()


class Room:
    """Notices when more are inside than may be."""

    def __init__(self, size: int = 1) -> None:
        self.size = size
        self.inside = 0

    def visit(self) -> None:
        self.inside += 1
        assert self.inside <= self.size
        try:
            pause()
        finally:
            self.inside -= 1


def persist(step: Callable[[], object], times: int) -> None:
    """Do ``step`` so often, whatever is cancelled, a third of them under a deadline."""
    for _ in range(times):
        try:
            with weft.move_on_after(random.choice([0.001, 60, 60])):
                step()
        except weft.Cancelled:
            pass


def meddle(tasks: list[weft.Task], acts: int = 3) -> None:
    """Cancel some of the tasks that have begun, at random moments."""
    for _ in range(acts):
        pause()
        task = random.choice(tasks)
        if task.state == "parked":
            task.cancel()


def finish(tasks: list[weft.Task]) -> list[object]:
    return [task.result() for task in tasks]


@KINDS
def test_one_at_a_time_and_nothing_is_left(make) -> None:
    def run() -> None:
        thing, room = make(), Room()

        def step() -> None:
            if thing.acquire(random.choice(SECONDS)):
                try:
                    room.visit()
                finally:
                    thing.release()

        tasks = [weft.spawn(persist, step, 2) for _ in range(4)]
        meddle(tasks)
        finish(tasks)
        assert room.inside == 0
        assert counts(thing)["waiting"] == 0 and thing.acquire(0)

    explore(run, RUNS)


@KINDS
def test_first_come_first_served(make) -> None:
    def run() -> None:
        thing, got = make(), []

        def wait(number: int) -> None:
            seconds = random.choice([None, None, None, 0.002])
            if thing.acquire(seconds):
                # Who is late takes what is free by then, but has lost his place in the queue.
                if seconds is None:
                    got.append(number)
                pause()
                thing.release()

        def barge() -> None:
            for _ in range(3):
                if thing.acquire(0):
                    assert counts(thing)["waiting"] == 0
                    thing.release()
                pause()

        thing.acquire()
        tasks = []
        for number in range(4):
            tasks.append(weft.spawn(wait, number))
            while tasks[-1].wait_kind is None:
                weft.checkpoint()
        barger = weft.spawn(barge)
        cancelled = random.choice(tasks)
        cancelled.cancel()
        weft.sleep(random.choice([0, 0.001, 0.002, 0.003]))
        thing.release()
        weft.joinall([*tasks, barger])
        finish([barger, *[task for task in tasks if task is not cancelled]])
        assert isinstance(cancelled.exception, weft.Cancelled)
        assert got == sorted(got) and not thing.locked()

    explore(run, RUNS)


def test_a_lock_taken_again_is_free_only_at_the_last_release() -> None:
    def run() -> None:
        lock, room = weft.RLock(), Room()

        def step() -> None:
            with lock:
                pause()
                with lock:
                    pause()
                room.visit()

        tasks = [weft.spawn(persist, step, 2) for _ in range(3)]
        meddle(tasks)
        finish(tasks)
        assert not lock.locked()

    explore(run, RUNS)


@pytest.mark.parametrize("make", [weft.Semaphore, weft.BoundedSemaphore])
def test_a_semaphore_admits_two_and_loses_no_place(make) -> None:
    def run() -> None:
        semaphore, room = make(2), Room(2)

        def step() -> None:
            if semaphore.acquire(random.choice(SECONDS)):
                try:
                    room.visit()
                finally:
                    semaphore.release()

        tasks = [weft.spawn(persist, step, 2) for _ in range(4)]
        meddle(tasks)
        finish(tasks)
        assert semaphore.statistics() == {"value": 2, "waiting": 0}

    explore(run, RUNS)


def test_a_limiter_whose_total_changes_keeps_nobody_waiting_in_vain() -> None:
    def run() -> None:
        limiter, room = weft.CapacityLimiter(1), Room(3)

        def step() -> None:
            if limiter.acquire(random.choice(SECONDS)):
                try:
                    assert weft.current() in limiter.holders()
                    room.visit()
                finally:
                    limiter.release()

        tasks = [weft.spawn(persist, step, 2) for _ in range(5)]
        for _ in range(3):
            meddle(tasks, 1)
            limiter.total = random.randrange(1, 4)
            assert limiter.locked() or counts(limiter)["waiting"] == 0
        finish(tasks)
        assert limiter.holders() == [] and counts(limiter)["waiting"] == 0
        assert limiter.available == limiter.total

    explore(run, RUNS)


def test_an_event_wakes_all_who_wait_however_soon_it_is_cleared() -> None:
    def run() -> None:
        event = weft.Event()
        entitled: set[weft.Task] = set()

        def wait() -> None:
            pause()
            if not event.wait(random.choice([None, 0.001, 0.002])):
                assert weft.current() not in entitled

        tasks = [weft.spawn(wait) for _ in range(4)]
        for _ in range(2):
            pause()
            entitled.update(task for task in tasks if task.wait_kind == "event")
            event.set()
            event.clear()
            # Too late for those who were woken, and all others are to lose nothing by it.
            unlucky = random.choice(tasks)
            if unlucky not in entitled and unlucky.state == "parked":
                unlucky.cancel()
        pause()
        event.set()
        weft.joinall(tasks)
        for task in tasks:
            if not isinstance(task.exception, weft.Cancelled):
                task.result()
            assert task not in entitled or task.exception is None
        assert event.statistics() == {"waiting": 0}

    explore(run, RUNS)


@pytest.mark.parametrize("make", [weft.Lock, weft.RLock])
def test_every_notification_goes_to_one_who_still_waits(make) -> None:
    """Else somebody waits for ever beside a token, which explore reports as a deadlock."""

    def run() -> None:
        condition, tokens = weft.Condition(make()), []

        def consume() -> object:
            in_time, seconds = True, random.choice([None, None, 0.001])
            with condition:
                try:
                    while not tokens and in_time:
                        in_time = condition.wait(seconds)
                    return tokens.pop() if tokens else "late"
                finally:
                    assert condition.lock.owner is weft.current()

        def produce() -> None:
            for number in range(4):
                pause()
                with condition:
                    tokens.append(number)
                    condition.notify()

        consumers = [weft.spawn(consume) for _ in range(4)]
        producer = weft.spawn(produce)
        meddle(consumers, 2)
        weft.joinall(consumers)
        producer.result()
        got = [task.exception or task.result() for task in consumers]
        taken = [item for item in got if isinstance(item, int)]
        assert sorted(taken + tokens) == [0, 1, 2, 3]
        assert {type(item) for item in got} <= {int, str, weft.Cancelled}
        assert not condition.locked() and condition.statistics() == {"waiting": 0}

    explore(run, RUNS)


def test_a_barrier_lets_all_pass_or_tells_all_that_it_is_broken() -> None:
    def run() -> None:
        barrier = weft.Barrier(3, pause)
        outcomes: list[list[object]] = [[], []]

        def come() -> None:
            for outcome in outcomes:
                try:
                    outcome.append(barrier.wait(random.choice([None, None, 0.001])))
                    pause()
                except (BrokenBarrierError, weft.Cancelled) as error:
                    outcome.append(type(error))
                    # Who does not come again must not be waited for.
                    barrier.abort()
                    return

        tasks = [weft.spawn(come) for _ in range(3)]
        meddle(tasks, 1)
        finish(tasks)
        for outcome in outcomes:
            places = [place for place in outcome if isinstance(place, int)]
            assert len(set(places)) == len(places)
            if places and outcome is outcomes[0]:
                assert BrokenBarrierError not in outcome
        assert barrier.n_waiting == 0

    explore(run, RUNS)


def test_a_barrier_that_is_reset_again_and_again_lets_all_pass_together_at_last() -> None:
    def run() -> None:
        rounds = 0

        def action() -> None:
            nonlocal rounds
            pause()
            rounds += 1

        barrier = weft.Barrier(3, action)

        def come() -> tuple[int, int]:
            while True:
                try:
                    return barrier.wait(random.choice([None, None, 0.001])), rounds
                except BrokenBarrierError:
                    if barrier.broken:
                        barrier.reset()

        tasks = [weft.spawn(come) for _ in range(3)]
        for _ in range(2):
            pause()
            barrier.reset()
        outcomes = finish(tasks)
        assert sorted(outcomes) == [(place, rounds) for place in range(3)]

    explore(run, RUNS)
