"""One after another, or all at once
一个接一个，还是同时

Ten waits of a tenth of a second. One after another they take a second. As ten tasks they take a
tenth of one, still in a single OS thread: nobody computes meanwhile, all of them only wait, and one
thread can wait for many things.

It is waiting that gets cheaper, not computing: ten tasks that compute take as long as one that does
it all.

十次等待，每次十分之一秒。一个接一个要一秒；作为十个任务只要十分之一秒，仍然只有一个系统线程：
这期间谁也不在计算，都只是在等，而一个线程可以同时等很多东西。

变便宜的是等待，而不是计算：十个做计算的任务，和一个任务全部做完，花的时间一样长。

Run: python examples/lesson/04_together.py
"""

import threading
import time

import weft

WAITS = 10
SECONDS = 0.1


def wait(number):
    weft.sleep(SECONDS)
    return number


def compute(number):
    """Uses the CPU for a while, and never waits."""
    return sum(n * number for n in range(200_000))


def one_after_another(work):
    return [work(number) for number in range(WAITS)]


def all_at_once(work):
    tasks = [weft.spawn(work, number) for number in range(WAITS)]
    weft.joinall(tasks)
    return [task.result() for task in tasks]


def timed(function, work):
    """What ``function(work)`` returns, and the seconds it took."""
    start = time.perf_counter()
    result = function(work)
    return result, time.perf_counter() - start


if __name__ == "__main__":
    print(f"-- {WAITS} waits of {SECONDS} s")
    first, slow = timed(one_after_another, wait)
    second, fast = timed(all_at_once, wait)
    print(f"one after another: {slow:.1f} s")
    print(f"all at once:       {fast:.1f} s, {slow / fast:.0f} times as fast")
    print(f"the same results: {first == second}; OS threads: {threading.active_count()}")

    print(f"-- {WAITS} computations")
    first, slow = timed(one_after_another, compute)
    second, fast = timed(all_at_once, compute)
    print(f"all at once takes {fast / slow:.1f} times as long: computing is not waiting")
