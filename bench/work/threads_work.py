"""OS threads' side of the works they can do: yielding the processor is not in the stdlib."""

from __future__ import annotations

import queue as stdlib_queue
import threading
import time

from _measure import LONG, Early, Result, bytes_per, cpu_per, delays, rss, run

AT_ONCE = 5000  # threads alive at a time; more make the machine's limits the measure


def noop() -> None:
    pass


def start(function, *args: float) -> threading.Thread:
    thread = threading.Thread(target=function, args=args, daemon=True)
    thread.start()
    return thread


def run_threads(functions) -> None:
    for thread in [start(*function) for function in functions]:
        thread.join()


def spawn(count: int) -> Result:
    def work() -> None:
        for begin in range(0, count, AT_ONCE):
            run_threads([(noop,)] * min(AT_ONCE, count - begin))

    return cpu_per(count, work)


def queue(count: int) -> Result:
    there: stdlib_queue.Queue[int] = stdlib_queue.Queue()
    back: stdlib_queue.Queue[int] = stdlib_queue.Queue()

    def ping() -> None:
        for _ in range(count):
            there.put(1)
            back.get()

    def pong() -> None:
        for _ in range(count):
            there.get()
            back.put(1)

    return cpu_per(count, lambda: run_threads([(ping,), (pong,)]))


def lock(count: int) -> Result:
    mutex = threading.Lock()

    def work() -> None:
        for _ in range(count):
            mutex.acquire()
            mutex.release()

    return cpu_per(count, work)


def wake(count: int) -> Result:
    event = threading.Event()
    threads = [start(event.wait) for _ in range(count)]

    def wake_all() -> None:
        event.set()
        for thread in threads:
            thread.join()

    time.sleep(0.5)  # until all are parked
    return cpu_per(count, wake_all)


def timers(count: int) -> Result:
    early = Early()

    def task(seconds: float) -> None:
        started = time.monotonic()
        time.sleep(seconds)
        early.check(started, seconds)

    work = delays(count)
    result = cpu_per(count, lambda: run_threads([(task, seconds) for seconds in work]))
    return result | {"early": early.count}


def parked(count: int) -> Result:
    start(noop).join()
    before = rss()
    threads = [start(time.sleep, LONG) for _ in range(count)]
    time.sleep(0.5)
    result = bytes_per(count, before)
    assert all(thread.is_alive() for thread in threads)
    return result


run(
    {
        "spawn": spawn,
        "queue": queue,
        "lock": lock,
        "wake": wake,
        "timers": timers,
        "parked": parked,
    }
)
