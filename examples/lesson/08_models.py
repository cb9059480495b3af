"""Three models compared: one thread, threads, events
三种模型对比：单线程、多线程、事件驱动

The same three tasks, each of which waits twice, for a disk or a network say, in three ways. In a
single thread whoever waits holds up all that come after. In threads the waits overlap, but each
task takes a thread of the system, with its memory, and may be interrupted anywhere: what they share
needs locks. Event-driven, the waits overlap just as well in one thread: the loop knows what each
task waits for, and goes on with the one whose turn has come; nobody is interrupted between two
waits.

The timelines have a column for each tenth of a second: `=` the task waits, `|` it is over. Memory
is measured with 1,000 tasks that wait at the same time, in a process of its own for each model.

同样的三个任务，每个等待两次（比如等磁盘或网络），用三种方式运行。单线程里，谁在等待，
后面的就都得等。多线程里，等待可以重叠，但每个任务占用一个系统线程和它的内存，而且随时可能被打断：
共享的东西要加锁。事件驱动时，等待同样重叠，却只用一个线程：循环知道每个任务在等什么，
轮到谁就继续谁；两次等待之间谁也不会被打断。

时间线每十分之一秒一列：`=` 表示任务在等待，`|` 表示它结束了。内存是用一千个同时等待的任务测出来的，
每种模型各用一个单独的进程。

Run: python examples/lesson/08_models.py
"""

import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import weft

# What each task waits for, in seconds.
# 每个任务要等待的秒数。
TASKS = {"A": (0.2, 0.1), "B": (0.3, 0.2), "C": (0.1, 0.3)}
MANY = 1000


class Watch:
    """Sees when each task waits, and in which OS threads they run."""

    def __init__(self):
        self.start = time.perf_counter()
        self.waits = {name: [] for name in TASKS}
        self.threads = set()

    def task(self, name, sleep):
        """What all three models run; only the way to wait is handed in."""
        for seconds in TASKS[name]:
            began = time.perf_counter() - self.start
            sleep(seconds)
            self.waits[name].append((began, time.perf_counter() - self.start))
            self.threads.add(threading.get_native_id())

    def timeline(self, name):
        columns = ""
        for began, ended in self.waits[name]:
            columns = columns.ljust(round(began * 10)).ljust(round(ended * 10), "=")
        return f"{name} {columns}|"


# -- the models --------------------------------------------------------------------------------
# -- 三种模型 ----------------------------------------------------------------------------------


def single_thread(watch):
    for name in TASKS:
        watch.task(name, time.sleep)


def threads(watch):
    started = [threading.Thread(target=watch.task, args=(name, time.sleep)) for name in TASKS]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


def event_driven(watch):
    weft.joinall([weft.spawn(watch.task, name, weft.sleep) for name in TASKS])


# -- memory ------------------------------------------------------------------------------------
# -- 内存 --------------------------------------------------------------------------------------


def resident():
    """KiB of memory that this process takes."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[1])


def wait_in_threads():
    over = threading.Event()
    started = [threading.Thread(target=over.wait) for _ in range(MANY)]
    for thread in started:
        thread.start()
    return over


def wait_in_tasks():
    over = weft.Event()
    # Of Python code, as the threads': it needs a stack of its own for its frames.
    # 和线程一样运行 Python 代码：需要自己的栈来放它的帧。
    for _ in range(MANY):
        weft.spawn(lambda: over.wait())
    weft.checkpoint()
    return over


def measure_memory(wait):
    before = resident()
    over = wait()
    print((resident() - before) // MANY)
    over.set()


def memory_of(model):
    """KiB of a waiting task, measured in another process."""
    words = [sys.executable, __file__, model]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


# -- the comparison ----------------------------------------------------------------------------
# -- 对比 --------------------------------------------------------------------------------------


def compare():
    rows = []
    for model in (single_thread, threads, event_driven):
        watch = Watch()
        model(watch)
        took = time.perf_counter() - watch.start
        title = model.__name__.replace("_", " ")
        print(f"-- {title}")
        for name in TASKS:
            print(f"    {watch.timeline(name)}")
        memory = "-" if model is single_thread else f"{memory_of(model.__name__)} KiB"
        rows.append((title, took, len(watch.threads), memory))
    print()
    print(f"{'':14} {'time':>6} {'OS threads':>11} {'memory a task':>14}")
    for name, took, used, memory in rows:
        print(f"{name:14} {took:4.1f} s {used:>11} {memory:>14}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["threads"]:
            measure_memory(wait_in_threads)
        case ["event_driven"]:
            measure_memory(wait_in_tasks)
        case _:
            compare()
