"""Memory and files return to where they were, each measured in a process of its own."""

import pytest

PRELUDE = """
import gc, os, threading
from select import POLLIN
import weft
from weft import lowlevel

PAGE = os.sysconf("SC_PAGE_SIZE")

def measure():
    for _ in range(3):
        gc.collect()
        weft.sleep(1e-4)
    with open("/proc/self/statm") as file:
        resident = int(file.read().split()[1]) * PAGE
    return resident, len(os.listdir("/proc/self/fd"))

def stays(work, count, warm_up=4):
    # A warm-up fills caches and free lists. Then a leak of ten bytes a time would show.
    for _ in range(warm_up):
        work(count // warm_up)
    memory, files = measure()
    work(count)
    grown, opened = measure()
    assert opened == files, (files, opened)
    assert grown - memory < 10 * count + 500_000, (memory, grown, (grown - memory) / count)
    assert lowlevel.statistics()["tasks"] == lowlevel.statistics()["timers"] == 0

def in_batches(size):
    def decorate(fn):
        def work(count):
            for _ in range(max(1, count // size)):
                fn(size)
        return work
    return decorate
"""

WORK = {
    "finished tasks": """
        weft.joinall([weft.spawn(int) for _ in range(count)])
    """,
    "tasks with results nobody takes": """
        for n in range(count):
            weft.spawn(bytes, 100)
        weft.sleep(1e-6)
    """,
    "tasks that wait": """
        weft.joinall([weft.spawn(weft.sleep, 1e-6) for _ in range(count)])
    """,
    "cancelled tasks": """
        tasks = [weft.spawn(weft.sleep, 1e6) for _ in range(count)]
        weft.checkpoint()
        for task in tasks:
            task.cancel("enough")
        weft.joinall(tasks)
    """,
    "tasks that never ran": """
        tasks = [weft.spawn(int) for _ in range(count)]
        for task in tasks:
            task.cancel()
        weft.joinall(tasks)
    """,
    "failed tasks": """
        tasks = [weft.spawn(int, "x") for _ in range(count)]
        weft.joinall(tasks)
        assert all(task.exception for task in tasks)
    """,
    "results that are raised": """
        task = weft.spawn(int, "x")
        for _ in range(count):
            try:
                task.result()
            except ValueError:
                pass
    """,
    "tasks in cycles": """
        def run():
            me.append(weft.current())
        for _ in range(count):
            me = []
            weft.spawn(run).join()
    """,
    "joins that gave up": """
        task = weft.spawn(lowlevel.park, "test")
        for _ in range(count):
            task.join(0)
        lowlevel.unpark(task)
        task.join()
    """,
    "unparks": """
        def run():
            for _ in range(count):
                lowlevel.park("test", object())
        task = weft.spawn(run)
        weft.checkpoint()
        while not task.done:
            lowlevel.unpark(task, bytes(100))
            weft.checkpoint()
    """,
    "waits on descriptors": """
        ends = os.pipe()
        for _ in range(count // 2):
            lowlevel.wait_writable(ends[1])
            lowlevel.wait_fds([(ends[0], POLLIN), (ends[1], POLLIN)], 0)
        for end in ends:
            lowlevel.closing(end)
            os.close(end)
    """,
    "contexts": """
        import contextvars
        variable = contextvars.ContextVar("variable")
        variable.set(1)
        weft.joinall([weft.spawn(variable.set, bytes(100)) for _ in range(count)])
    """,
    "raw greenlets that waited last": """
        from greenlet import greenlet
        def run():
            greenlet(weft.checkpoint).switch()
        weft.joinall([weft.spawn(run) for _ in range(count)])
    """,
    "raw greenlets": """
        from greenlet import greenlet
        def run():
            greenlet(weft.checkpoint).switch()
            weft.checkpoint()
        weft.joinall([weft.spawn(run) for _ in range(count)])
    """,
}


@pytest.mark.parametrize("what", WORK)
def test_tasks_leave_nothing_behind(program, hammer, what) -> None:
    program(
        PRELUDE
        + "@in_batches(500)\ndef work(count):"
        + WORK[what]
        + f"""
stays(work, {hammer(200_000)})
"""
    )


def test_a_million_tasks_leave_nothing_behind(program, hammer) -> None:
    """The full number at once, and memory returns: all at a time, then in turn."""
    program(
        PRELUDE
        + f"""
def work(count):
    tasks = [weft.spawn(weft.checkpoint) for _ in range(count)]
    weft.joinall(tasks)

before, files = measure()
work({hammer(1_000_000)})
after, opened = measure()
# The collector's and the allocators' own: far less than a byte for each byte that was used.
assert after - before < 10 * {hammer(1_000_000)} + 4_000_000, (before, after)
assert opened == files
stays(in_batches(1000)(work), {hammer(1_000_000)})
"""
    )


@pytest.mark.parametrize("poller", ["epoll", "poll", "select"])
def test_threads_with_hubs_leave_nothing_behind(program, hammer, poller) -> None:
    program(
        PRELUDE
        + f"""
def run():
    weft.joinall([weft.spawn(weft.sleep, 1e-6) for _ in range(3)])

def work(count):
    for _ in range(count):
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()

work(100)
memory, files = measure()
work({hammer(20_000)})
grown, opened = measure()
assert opened == files, (files, opened)
assert grown - memory < 400 * {hammer(20_000)} + 1_000_000, (memory, grown)
""",
        WEFT_POLLER=poller,
    )
