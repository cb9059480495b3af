"""Squares numbers in a multiprocessing.Pool while threads of this process go on."""

import multiprocessing
import os
import sys
import threading

GATES = {}


def prepare(all_here, gate) -> None:
    GATES.update(all_here=all_here, gate=gate)


def square(number: int) -> tuple[int, int]:
    """Return the square and who made it, once each worker has a number and main has a thread."""
    GATES["all_here"].wait(30)
    assert GATES["gate"].wait(30)
    return number * number, os.getpid()


def fail(number: int) -> None:
    raise ValueError(f"no square for {number}")


def let_through(gate) -> None:
    print("the main thread waits in map, and this one runs", flush=True)
    gate.set()


def main(method: str) -> None:
    context = multiprocessing.get_context(method)
    all_here, gate = context.Barrier(4), context.Event()
    with context.Pool(4, prepare, [all_here, gate]) as pool:
        threading.Timer(0.05, let_through, [gate]).start()
        squares = pool.map(square, range(8), chunksize=1)
        print([number for number, _ in squares], len({pid for _, pid in squares}))
        by_threads: list[int] = []

        def ask(start: int) -> None:
            by_threads.extend(n for n, _ in pool.imap_unordered(square, range(start, start + 4)))

        threads = [threading.Thread(target=ask, args=[start]) for start in (10, 20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(sorted(by_threads))
        try:
            pool.apply(fail, [3])
        except ValueError as error:
            print(error)
    queue = context.SimpleQueue()
    process = context.Process(target=queue.put, args=["from a process"])
    process.start()
    print(queue.get())
    process.join()
    print(process.exitcode, multiprocessing.active_children())


if __name__ == "__main__":
    main(sys.argv[1])
