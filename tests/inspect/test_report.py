"""dump and report: what is said of each task."""

import functools
import gc
import io
import os
import re
import signal
import threading
from pathlib import Path

import greenlet
import pytest

import weft
import weft.queue
import weft.socket
import weft.threading
from weft import inspect, lowlevel
from weft._core._lock import holder
from weft.inspect._report import MOST, deadlock
from weft.inspect._survey import Survey

HERE = Path(__file__).name
EVENT = weft.Event()
SLOW = threading.Event()


def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(4):
        weft.sleep(1e-6)


def paragraph(task: weft.Task) -> str:
    """What the report says of ``task``."""
    (found,) = [part for part in inspect.report().split("\n\n") if part.startswith(repr(task.name))]
    return found


def first_line(task: weft.Task) -> str:
    return paragraph(task).splitlines()[0].partition(": ")[2]


def wait_here() -> None:
    EVENT.wait()


def test_a_paragraph_has_name_reason_thread_spawn_place_spawner_and_stack(spawned) -> None:
    task = spawned(wait_here)
    settle()
    lines = paragraph(task).splitlines()
    assert lines[0] == f"{task.name!r}: waits for EVENT (weft.Event)"
    assert re.fullmatch(
        r"    in thread MainThread, spawned at \S*conftest.py:\d+ in spawn by 'main'", lines[1]
    )
    assert re.fullmatch(rf"  > \S*{HERE}:\d+ in wait_here: EVENT.wait\(\)", lines[2])
    assert len(lines) == 3


def test_the_caller_is_running_and_the_line_that_asks_is_its_last() -> None:
    lines = paragraph(weft.current()).splitlines()
    assert lines[0] == "'main': running"
    assert lines[-1].startswith("  > ")
    assert "in paragraph" in lines[-1]


def test_dump_writes_where_it_is_told_and_else_to_stderr(capsys: pytest.CaptureFixture) -> None:
    file = io.StringIO()
    inspect.dump(file)
    assert file.getvalue().startswith("1 task in 1 thread\n\n'main': running\n")
    inspect.dump()
    assert capsys.readouterr().err.startswith("1 task in 1 thread\n")


def test_states_without_a_wait(spawned) -> None:
    task = spawned(wait_here)
    assert first_line(task) == "not started yet"
    settle()
    EVENT.set()
    assert first_line(task) == "ready to run"
    EVENT.clear()


class Owner:
    def __init__(self) -> None:
        self.lock = weft.Lock()

    def take(self) -> None:
        self.lock.acquire()


@pytest.mark.parametrize(
    ("fn", "reason"),
    [
        (lambda: weft.sleep(60), r"sleeps, (60\.0|59\.\d) s left"),
        (lambda: weft.current().spawned_by.join(), "waits for task 'main' to end"),
        (
            lambda: weft.current().spawned_by.join(60),
            r"waits for task 'main' to end, (60\.0|59\.\d) s left",
        ),
        (lambda: weft.Event().wait(), "waits for a weft.Event at 0x[0-9a-f]+"),
        (lambda: lowlevel.park("news", [1, 2]), r"waits \(news\) \[1, 2\]"),
        (lambda: lowlevel.park("news"), r"waits \(news\)"),
        (lambda: lowlevel.park("news", "x" * 100), r"waits \(news\) 'x{76}\.\.\."),
        (
            lambda: weft.queue.Queue().get(),
            r"waits in weft\.queue\.Queue\.get\(\)",
        ),
        (
            lambda: weft.threading.Barrier(2).wait(),
            r"waits in weft\.threading\.Barrier\.wait\(\)",
        ),
        (
            lambda: weft.queue.SimpleQueue().get(),
            "waits for an item from a queue.SimpleQueue at 0x[0-9a-f]+",
        ),
    ],
)
def test_reasons_in_words(fn, reason: str, spawned) -> None:
    task = spawned(fn)
    settle()
    assert re.fullmatch(reason, first_line(task))


QUEUE = weft.Queue(maxsize=1)
SENDER, RECEIVER = weft.channel()


@pytest.mark.parametrize(
    ("fn", "reason"),
    [
        (lambda: QUEUE.get(), "waits for an item from QUEUE (weft.Queue)"),
        (
            lambda: weft.choose(QUEUE, EVENT, RECEIVER),
            "waits for one of QUEUE (weft.Queue), EVENT (weft.Event), RECEIVER (weft.Receiver)",
        ),
        (lambda: RECEIVER.receive(), "waits for an item from RECEIVER (weft.Receiver)"),
        (lambda: SENDER.send(1), "waits to send to SENDER (weft.Sender)"),
        (lambda: weft.offload(SLOW.wait), "waits for a worker thread that runs Event.wait()"),
        (
            lambda: weft.offload(functools.partial(SLOW.wait, 60)),
            "waits for a worker thread that runs functools.partial(",
        ),
    ],
)
def test_what_tasks_exchange(fn, reason: str, spawned) -> None:
    task = spawned(fn)
    settle()
    assert first_line(task).startswith(reason)
    SLOW.set()
    task.cancel()
    task.join()
    SLOW.clear()


def test_a_full_queue_and_one_whose_items_are_not_done(spawned) -> None:
    QUEUE.put(1)
    putter, joiner = spawned(lambda: QUEUE.put(2)), spawned(lambda: QUEUE.join())
    settle()
    assert first_line(putter) == "waits for room in QUEUE (weft.Queue)"
    assert first_line(joiner) == "waits until all is done that was put into QUEUE (weft.Queue)"
    QUEUE.get()
    QUEUE.get()
    QUEUE.task_done()
    QUEUE.task_done()


def test_a_cycle_through_a_group(spawned) -> None:
    lock = weft.Lock()

    def parent() -> None:
        with lock, weft.group() as g:
            children.append(g.spawn(lock.acquire))

    children: list[weft.Task] = []
    task = spawned(parent)
    settle()
    line = inspect.report().splitlines()[1]
    child = children[0].name
    lock_name = f"a weft.Lock at {id(lock):#x}"
    assert line == f"cycle: {task.name!r} -> {child!r} -> {lock_name} held by {task.name!r}"


def test_a_place_in_a_group(spawned) -> None:
    def crawl() -> None:
        with weft.group(limit=1, name="crawl") as g:
            tasks.append(g.spawn(wait_here))
            g.spawn(wait_here)

    tasks: list[weft.Task] = []
    task = spawned(crawl)
    settle()
    expected = f"waits for a place in group 'crawl', held by {tasks[0].name!r}"
    assert first_line(task) == expected


def test_a_place_in_a_pool_or_a_map(spawned) -> None:
    pool = weft.Pool(1)
    inside = pool.spawn(lowlevel.park, "test")
    waits = spawned(pool.spawn, int)
    results = weft.map(lowlevel.park, ["test", "test"], limit=1)
    spawned(next, results)
    settle()
    here = rf"at \S*{HERE}:\d+ in test_a_place_in_a_pool_or_a_map"
    assert re.fullmatch(rf"waits for a place in the pool {here}", first_line(waits))
    (feeder,) = [task for task in lowlevel.tasks() if task.name.startswith("items of map-")]
    assert re.fullmatch(rf"waits for a place in the map {here}", first_line(feeder))
    results.close()
    inside.cancel()
    inside.join()
    waits.result().join()


def test_a_token_of_a_limiter(spawned) -> None:
    def borrow() -> None:
        with limiter:
            wait_here()

    limiter = weft.CapacityLimiter(1)
    owner, waiting = spawned(borrow), spawned(borrow)
    settle()
    expected = f"waits for a token of limiter (weft.CapacityLimiter), held by {owner.name!r}"
    assert first_line(waiting) == expected


def test_a_limit_around_the_wait_is_the_time_left(spawned) -> None:
    def limited() -> None:
        with weft.move_on_after(30), weft.move_on_after(90):
            weft.sleep(60)

    task = spawned(limited)
    settle()
    assert re.fullmatch(r"sleeps, (30\.0|29\.\d) s left", first_line(task))


def test_a_descriptor_and_the_call_that_reads_it(spawned) -> None:
    ours, theirs = weft.socket.socketpair()
    with ours, theirs, ours.makefile("rb") as file:
        task = spawned(file.readline)
        settle()
        assert first_line(task).startswith(f"waits to read from descriptor {ours.fileno()} in ")
        task.cancel()
        task.join()


def test_the_lock_of_an_object_is_named_as_its_methods_name_it(spawned) -> None:
    owner = Owner()
    with owner.lock:
        task = spawned(owner.take)
        settle()
        assert first_line(task) == "waits for self.lock (weft.Lock), held by 'main'"


def test_who_holds_a_lock_and_has_ended(spawned) -> None:
    lock = weft.threading.Lock()

    def waiter() -> None:
        lock.acquire()

    weft.spawn(lock.acquire).join()
    task = spawned(waiter)
    settle()
    assert first_line(task) == "waits for lock (threading.Lock), held by a task that has ended"
    lock.release()
    task.join()


def test_a_native_thread_that_holds_a_lock_is_named(spawned) -> None:
    lock = weft.threading.Lock()
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        lock.acquire()
        held.set()
        over.wait()

    def waiter() -> None:
        lock.acquire()

    thread = threading.Thread(target=hold, name="keeper")
    thread.start()
    held.wait()
    task = spawned(waiter)
    settle()
    assert first_line(task) == "waits for lock (threading.Lock), held by thread 'keeper'"
    over.set()
    thread.join()
    lock.release()
    task.join()


def test_nobody_holds_a_free_lock() -> None:
    lock = weft.threading.Lock()
    with lock:
        assert holder(lock) == weft.current().id
    assert holder(lock) == 0


def test_the_end_of_a_group_names_who_is_left(spawned) -> None:
    def crawl() -> None:
        with weft.group(name="crawl") as g:
            for _ in range(5):
                tasks.append(g.spawn(wait_here))

    tasks: list[weft.Task] = []
    task = spawned(crawl)
    settle()
    names = " and ".join(repr(each.name) for each in tasks[:3])
    assert first_line(task) == f"waits for {names} and 2 more of group 'crawl' to end"


def test_alike_tasks_share_a_paragraph(spawned) -> None:
    tasks = [spawned(wait_here) for _ in range(10_000)]
    settle()
    text = inspect.report()
    assert text.startswith("10,001 tasks in 1 thread\n")
    assert f"\n\n{tasks[0].name!r} and 9,999 more tasks like it: waits for" in text
    assert len(text.splitlines()) < 50


def test_a_raw_greenlet_that_parks_stands_on_its_tasks_stack(spawned) -> None:
    """As in SQLAlchemy's async layer."""

    def inside() -> None:
        wait_here()

    def task_body() -> None:
        greenlet.greenlet(inside).switch()

    task = spawned(task_body)
    settle()
    names = re.findall(r" in (\w+): ", "\n".join(paragraph(task).splitlines()[2:]))
    assert names == ["task_body", "inside", "wait_here"]


def test_a_repr_that_fails_does_not_fail_the_report(spawned) -> None:
    class Rude:
        def __repr__(self) -> str:
            raise OSError("the remote side is gone")

        def __getattr__(self, name: str) -> object:
            raise OSError("the remote side is gone")

    def waiter() -> None:
        lowlevel.park("rudeness", Rude())

    task = spawned(waiter)
    settle()
    assert first_line(task).startswith("waits (rudeness) a ")
    assert first_line(task).endswith("Rude whose repr failed")


def test_tasks_of_other_threads_are_seen() -> None:
    inside, over = threading.Event(), weft.Event()

    def wait_there() -> None:
        inside.set()
        over.wait()

    def busy_there() -> None:
        waiter = weft.spawn(wait_there)
        weft.sleep(1e-6)
        seen.append((waiter, weft.current()))
        busy.set()
        go_on.wait()  # holds the hub: its main task runs
        waiter.join()

    busy, go_on = threading.Event(), threading.Event()
    seen: list[tuple[weft.Task, weft.Task]] = []
    thread = threading.Thread(target=busy_there, name="second")
    thread.start()
    busy.wait()
    ((waiter, main),) = seen
    assert " in 2 threads" in inspect.report().splitlines()[0]
    text = paragraph(waiter)
    assert "waits for over (weft.Event)" in text
    assert "in thread second, spawned at" in text
    text = paragraph(main)
    assert text.startswith("'main of second': running\n    in thread second\n")
    assert re.search(r"  > \S+ in busy_there: go_on\.wait\(\)", text)
    go_on.set()
    over.set()
    thread.join()


def test_in_a_signal_handler(spawned) -> None:
    texts: list[str] = []

    def handle(number: int, frame: object) -> None:
        texts.append(inspect.report())

    def busy() -> None:
        signal.raise_signal(signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handle)
    spawned(busy).join()
    signal.signal(signal.SIGUSR1, before)
    assert re.search(r"busy-\d+': running\n", texts[0])
    assert "handle: texts.append(inspect.report())" in texts[0]


def test_a_report_leaves_no_garbage() -> None:
    """In a cycle with the frames of whoever asked, it would keep their values."""
    inspect.report()
    gc.collect()
    gc.disable()
    for look in (inspect.report, inspect.find_cycles, lambda: deadlock(Survey())):
        look()
        assert gc.collect() == 0
    gc.enable()


def test_a_removed_working_directory_is_no_obstacle(tmp_path: Path) -> None:
    before = os.getcwd()
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    try:
        assert "'main': running" in inspect.report()
    finally:
        os.chdir(before)


def test_the_deadlock_report_is_capped(spawned) -> None:
    locks = [weft.Lock() for _ in range(3 * MOST)]

    def take(n: int) -> None:
        with locks[n]:
            settle()
            locks[n ^ 1].acquire()

    for n in range(len(locks)):
        spawned(take, n)
    settle()
    settle()
    text = deadlock(Survey())
    assert text.count("cycle: ") == MOST
    assert f"\nand {MOST // 2} more cycles\n" in text
    assert text.endswith(f"\n\nand {2 * MOST + 1} more tasks")


def test_a_long_cycle_is_cut_short(spawned) -> None:
    def join_next(n: int) -> None:
        tasks[(n + 1) % len(tasks)].join()

    tasks: list[weft.Task] = []
    tasks += [spawned(join_next, n) for n in range(MOST + 7)]
    settle()
    line = inspect.report().splitlines()[1]
    assert line.startswith(f"cycle: {tasks[0].name!r} -> {tasks[1].name!r} -> ")
    assert line.endswith(f" -> ... 7 more tasks ... -> {tasks[0].name!r}")


def test_what_is_known_is_only_counted(spawned) -> None:
    known = spawned(wait_here)
    settle()
    text = deadlock(Survey(), ["a whim"], {known})
    title, *_, last = text.splitlines()
    assert title == (
        "all 2 tasks wait, and nothing is left that could wake one, unless it is a whim"
    )
    assert last == "and 1 task as reported before"
    assert repr(known.name) not in text
