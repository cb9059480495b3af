"""No wake-up is lost: hammered across threads. ``WEFT_HAMMER=full`` for a million of them."""

import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

import weft
from weft import lowlevel

THREADS = 8


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Eight OS threads that take turns much more often than usual."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    with ThreadPoolExecutor(THREADS) as pool:
        yield pool
    sys.setswitchinterval(usual)


def wake(task: weft.Task, value: object) -> None:
    """Unpark a task that parks sooner or later."""
    while not lowlevel.unpark(task, value):
        time.sleep(0)  # lets other OS threads have the GIL


def test_of_a_million_wake_ups_from_eight_threads_none_is_lost(pool, hammer) -> None:
    """Each True of ``unpark`` is one return of ``park``, while the hub sleeps now and then."""
    share = hammer(1_000_000) // THREADS
    returned = [0] * 100

    def sleeper(number: int) -> None:
        while lowlevel.park("hammered") != "stop":
            returned[number] += 1

    def waker(turn: int) -> int:
        told = 0
        while told < share:
            turn = (turn * 5 + 13) % 100
            if lowlevel.unpark(tasks[turn], turn):
                told += 1
            else:
                time.sleep(0)
        return told

    tasks = [weft.spawn(sleeper, n) for n in range(100)]
    weft.checkpoint()
    wakers = [pool.submit(waker, seed) for seed in range(THREADS)]
    while not all(future.done() for future in wakers):
        weft.sleep(1e-4)
    for task in tasks:
        while not lowlevel.unpark(task, "stop"):
            weft.checkpoint()
    weft.joinall(tasks)
    assert sum(returned) == sum(future.result() for future in wakers) == THREADS * share


def test_a_ring_of_eight_threads_passes_on_and_none_sleeps_for_ever(pool, hammer) -> None:
    """Every hub sleeps in the kernel when it is woken, from the thread before it."""
    rounds = hammer(100_000) // THREADS
    mains: list[weft.Task] = [weft.current()] * THREADS
    ready = threading.Barrier(THREADS)

    def run(me: int) -> int:
        mains[me] = weft.current()
        ready.wait()
        for n in range(rounds):
            if me == 0:
                wake(mains[1], n)
            assert lowlevel.park("ring") == n
            if me != 0:
                wake(mains[(me + 1) % THREADS], n)
        return rounds

    assert [f.result() for f in [pool.submit(run, n) for n in range(THREADS)]] == [rounds] * THREADS


class Hops:
    """Tokens that hop over the tasks of all hubs until their hops are used up."""

    def __init__(self, tasks_each: int, tokens: int, hops: int) -> None:
        self.tasks_each = tasks_each
        self.tokens = tokens
        self.hops = hops
        self.everyone: list[weft.Task] = []
        self.ready = threading.Barrier(THREADS)
        self.used_up = threading.Semaphore(0)

    def hop(self, number: int) -> int:
        hopped = 0
        while (left := lowlevel.park("token")) != "stop":
            hopped += 1
            if left == 0:
                self.used_up.release()
                continue
            self.pass_on(number * 7 + left, left - 1)
        return hopped

    def pass_on(self, number: int, left: int) -> None:
        """To the first task from ``number`` on that waits: who holds a token does not."""
        while not lowlevel.unpark(self.everyone[number % len(self.everyone)], left):
            number += 1
            weft.checkpoint()

    def run(self, me: int) -> int:
        """One hub: its tasks, from start to stop; how often a token came by."""
        mine = [weft.spawn(self.hop, me * self.tasks_each + n) for n in range(self.tasks_each)]
        self.everyone += mine
        if self.ready.wait() == 0:
            for token in range(self.tokens):
                self.pass_on(token, self.hops)
        return sum(task.result() for task in mine)

    def stop(self) -> None:
        for _ in range(self.tokens):
            self.used_up.acquire()
        for task in self.everyone:
            wake(task, "stop")


def test_tasks_of_eight_hubs_wake_one_another(pool, hammer) -> None:
    hops = Hops(tasks_each=20, tokens=4, hops=hammer(100_000) // 4)
    futures: list[Future[int]] = [pool.submit(hops.run, n) for n in range(THREADS)]
    hops.stop()
    assert sum(future.result() for future in futures) == 4 * (hops.hops + 1)
