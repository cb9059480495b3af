"""Reports while everything moves: two hubs, whose tasks switch, and threads that look on."""

import _thread
import os
import random
import threading
import time

import weft
import weft.threading
from weft import inspect

FULL = os.environ.get("WEFT_HAMMER") == "full"
REPORTS = 3000 if FULL else 60
DOUBTS = 600 if FULL else 20


def busy(locks: list, over: threading.Event) -> None:
    """The tasks of a hub: locks, sleeps, generators, raw recursion; until it is over."""

    def deep(n: int) -> None:
        if n:
            deep(n - 1)
        else:
            weft.sleep(1e-6)

    def items():
        for lock in locks:
            with lock:
                yield weft.checkpoint()

    def work(n: int) -> None:
        while not over.is_set():
            deep(n % 30)
            for _ in items():
                deep(0)

    with weft.group() as g:
        for n in range(60):
            g.spawn(work, n)


def test_whoever_looks_on_sees_no_ghosts() -> None:
    """Locks are always taken in the same order, so no cycle may be seen, and nothing may crash."""
    locks = [weft.Lock(), weft.threading.Lock(), weft.threading.RLock()]
    over = threading.Event()
    hubs = [threading.Thread(target=busy, args=(locks, over)) for _ in range(2)]
    for hub in hubs:
        hub.start()
    try:
        for _ in range(REPORTS):
            assert inspect.find_cycles() == []
            text = inspect.report()
            assert " tasks in " in text
            assert "cycle: " not in text
    finally:
        over.set()
        for hub in hubs:
            hub.join()


def test_a_thread_that_wakes_a_task_and_ends_is_no_deadlock() -> None:
    """Just when the hub, idle for 20 ms, looks whether anything can run any more."""
    for _ in range(DOUBTS):
        event = weft.Event()

        def wake(seconds: float, event: weft.Event = event) -> None:
            time.sleep(seconds)
            event.set()

        for _ in range(30):
            _thread.start_new_thread(wake, (0.02 + random.uniform(0, 0.0006),))
        event.wait()
