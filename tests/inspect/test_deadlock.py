"""weft.Deadlock: programs that hang, each in a process of its own, and programs that only wait."""

import re
import signal
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

import weft
import weft.queue
from weft._core._lock import allocate_lock
from weft.inspect import _deadlock

LOCKS_IN_OPPOSITE_ORDER = """
import {module}
import weft

a, b = {module}.Lock(), {module}.{second}()

def one():
    with a:
        weft.checkpoint()
        with b:
            pass

def two():
    with b:
        weft.checkpoint()
        with a:
            pass

weft.joinall([weft.spawn(one), weft.spawn(two)])
"""

Hung = Callable[..., "CompletedProcess[str]"]


def report(done: "CompletedProcess[str]") -> str:
    """The text of the Deadlock that ended a program."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout == ""
    before, _, text = done.stderr.partition("\nweft._errors.Deadlock: ")
    assert before.startswith("Traceback (most recent call last):\n")
    return text


@pytest.mark.parametrize("module", ["weft", "threading"])
@pytest.mark.parametrize("second", ["Lock", "RLock"])
def test_two_locks_in_opposite_order(module: str, second: str, hung: Hung) -> None:
    source = LOCKS_IN_OPPOSITE_ORDER.format(module=module, second=second)
    done = hung(source, patched=module == "threading")
    text = re.sub(r"(app.py):\d+", r"\1:N", report(done))
    assert text == (
        "all 3 tasks wait, and nothing is left that could wake one\n"
        "cycle: 'one-2' -> b held by 'two-3' -> a held by 'one-2'\n"
        "\n"
        "'main'\n"
        "    waits for task 'one-2' to end\n"
        "    at app.py:N in <module>: weft.joinall([weft.spawn(one), weft.spawn(two)])\n"
        "\n"
        "'one-2', spawned at app.py:N in <module> by 'main'\n"
        f"    waits for b ({module}.{second}), held by 'two-3'\n"
        "    at app.py:N in one: with b:\n"
        "\n"
        "'two-3', spawned at app.py:N in <module> by 'main'\n"
        f"    waits for a ({module}.Lock), held by 'one-2'\n"
        "    at app.py:N in two: with a:\n"
    )


def test_locks_that_are_called_alike_are_told_apart(hung: Hung) -> None:
    text = report(
        hung(
            """
            import weft

            def transfer(lock, other):
                with lock:
                    weft.checkpoint()
                    with other:
                        pass

            def main():
                a, b = weft.Lock(), weft.Lock()
                weft.joinall([weft.spawn(transfer, a, b), weft.spawn(transfer, b, a)])

            main()
            """
        )
    )
    one, two, three = re.search(
        r"cycle: '(.+)' -> other at 0x\w+ held by '(.+)' -> other at 0x\w+ held by '(.+)'\n", text
    ).groups()
    assert (one, two, three) == ("transfer-2", "transfer-3", "transfer-2")


def test_a_queue_that_nobody_fills(hung: Hung) -> None:
    text = report(
        hung(
            """
            import queue
            import threading

            jobs = queue.Queue()

            def consume():
                jobs.get()

            thread = threading.Thread(target=consume, daemon=True)
            thread.start()
            thread.join()
            """,
            patched=True,
        )
    )
    assert "cycle" not in text
    assert "\n    waits for thread 'Thread-1 (consume)' to end\n" in text
    assert "\n    waits for jobs in queue.Queue.get()\n" in text
    assert re.search(r"\n    at app.py:\d+ in consume: jobs.get\(\)\n", text)


def test_the_only_task_waits_for_itself(hung: Hung) -> None:
    text = report(hung("import weft\nlock = weft.Event()\nlock.wait()"))
    assert text == (
        "the only task waits, and nothing is left that could wake one\n\n"
        "'main'\n    waits for lock (weft.Event)\n    at app.py:3 in <module>: lock.wait()\n"
    )


def test_a_pool_whose_only_worker_waits_for_its_own_queue(hung: Hung) -> None:
    done = hung(
        """
        from concurrent.futures import ThreadPoolExecutor

        def outer(pool):
            return pool.submit(int).result()

        with ThreadPoolExecutor(1) as pool:
            pool.submit(outer, pool).result()
        """,
        patched=True,
    )
    assert done.returncode == 1
    first, *_ = done.stderr.split("During handling")
    wait = "    waits in concurrent.futures._base.Future.result()\n    at app.py:"
    assert first.count(wait) == 2
    assert "in outer: return pool.submit(int).result()\n" in first
    assert "    waits for thread 'ThreadPoolExecutor-0_0' to end\n" in done.stderr


def test_tasks_that_join_one_another(hung: Hung) -> None:
    text = report(
        hung(
            """
            import weft

            tasks = []

            def join_next(n):
                tasks[(n + 1) % 3].join()

            tasks += [weft.spawn(join_next, n) for n in range(3)]
            tasks[0].join()
            """
        )
    )
    cycle = "cycle: 'join_next-2' -> 'join_next-3' -> 'join_next-4' -> 'join_next-2'"
    assert text.splitlines()[1] == cycle


def test_a_program_may_catch_it_and_go_on(hung: Hung) -> None:
    done = hung(
        """
        import weft
        event = weft.Event()
        waiter = weft.spawn(event.wait)
        for _ in range(2):
            try:
                waiter.join()
            except weft.Deadlock as report:
                print(str(report).splitlines()[-1].strip())
        event.set()
        print(waiter.result())
        """
    )
    assert done.stderr == ""
    first, second, result = done.stdout.splitlines()
    assert first.startswith("waits for a weft.Event at 0x")
    assert second == "and 1 task as reported before"
    assert result == "True"


def test_threads_that_hang_as_the_program_ends(hung: Hung) -> None:
    done = hung(
        """
        import threading
        lock = threading.Lock()
        lock.acquire()
        threading.Thread(target=lock.acquire).start()
        """,
        patched=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("weft._errors.Deadlock: all 2 tasks wait")
    assert "held by 'main'" in done.stderr


def test_a_wait_that_no_exception_ends_is_logged(hung: Hung) -> None:
    """``Condition.wait`` must have its lock again, whatever comes."""
    done = hung(
        """
        import logging
        import os
        import threading
        import weft

        class Handler(logging.Handler):
            def emit(self, record):
                print(record.getMessage(), flush=True)
                os._exit(0)

        logging.getLogger("weft").addHandler(Handler())
        lock = threading.RLock()
        condition = threading.Condition(lock)

        def keep():
            lock.acquire()
            weft.Event().wait()

        with condition:
            threading.Thread(target=keep, daemon=True).start()
            condition.wait()
        """,
        patched=True,
    )
    first, *_ = done.stdout.splitlines()
    assert first.startswith("the wait of the main task cannot be ended: all 2 tasks wait")
    assert (
        "    waits for lock (threading.RLock) in threading.Condition.wait(), held by" in done.stdout
    )


def test_two_hubs_that_wait_for_each_other(hung: Hung) -> None:
    text = report(
        hung(
            """
            import threading
            import weft

            event = weft.Event()
            tasks = []

            def other():
                tasks.append(weft.current())
                ready.set()
                event.wait()

            ready = weft.Event()
            thread = threading.Thread(target=other, name="second", daemon=True)
            thread.start()
            ready.wait()
            tasks[0].join()
            """
        )
    )
    assert text.startswith("all 2 tasks wait")
    assert "'main of second'\n    waits for event (weft.Event)" in text


@pytest.mark.parametrize(
    "waker",
    [
        "threading.Thread(target=wake, daemon=True).start()",
        "signal.signal(signal.SIGALRM, wake); signal.setitimer(signal.ITIMER_REAL, 0.1)",
        "weft.spawn(lambda: (weft.sleep(0.1), wake()))",
        "weft.spawn(lambda: (offload(time.sleep, 0.1), wake()))",
        "weft.spawn(lambda: (lowlevel.wait_readable(pipe), wake()))",
    ],
    ids=["native thread", "signal", "timer", "thread call", "descriptor"],
)
def test_a_program_that_only_waits_is_not_told_so(waker: str, hung: Hung) -> None:
    done = hung(
        f"""
        import os, signal, subprocess, sys, threading, time
        import weft
        from weft import lowlevel
        from weft._offload import run as offload

        # Something outside writes into it after a moment.
        child = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(0.1); print()"],
            stdout=subprocess.PIPE)
        pipe = child.stdout.fileno()
        event = weft.Event()

        def wake(*_):
            time.sleep(0.1)
            event.set()

        {waker}
        event.wait()
        child.wait()
        print("woken")
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "woken\n", "")


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if nothing could run, the process had no thread but this and no handler."""
    weft.current()
    monkeypatch.setattr(_deadlock, "strangers", lambda: 0)
    monkeypatch.setattr(_deadlock, "handled_signals", list)
    monkeypatch.setattr(_deadlock, "_said", allocate_lock())


def test_a_doubtful_one_is_logged_once(alone, monkeypatch, caplog) -> None:
    monkeypatch.setattr(_deadlock, "handled_signals", lambda: [signal.SIGTERM, 40])
    _deadlock.on_doubt(1)
    assert caplog.messages == []
    _deadlock.on_doubt(2)
    _deadlock.on_doubt(2)
    (message,) = caplog.messages
    assert message.splitlines()[0] == (
        "nothing has run for 10 s: the only task waits, and nothing is left that could wake one, "
        "unless it is the program's handler of SIGTERM or signal 40"
    )


def test_an_unknown_thread_is_a_doubt(alone) -> None:
    assert _deadlock.doubts(0) == []
    assert _deadlock.doubts(1) == ["an OS thread"]
    assert _deadlock.doubts(2) == ["one of 2 OS threads"]


def test_a_hub_that_works_is_no_deadlock(alone, monkeypatch, caplog) -> None:
    monkeypatch.setattr(_deadlock, "strangers", lambda: None)
    _deadlock.on_doubt(2)
    assert caplog.messages == []


def test_handlers_of_weft_and_python_are_no_doubt() -> None:
    assert _deadlock.handled_signals() == []
    before = signal.signal(signal.SIGUSR2, print)
    assert _deadlock.handled_signals() == [signal.SIGUSR2]
    signal.signal(signal.SIGUSR2, before)


def test_a_handler_of_the_programs_may_be_a_method_of_wefts() -> None:
    before = signal.signal(signal.SIGUSR2, weft.queue.Queue().put)
    assert _deadlock.handled_signals() == [signal.SIGUSR2]
    signal.signal(signal.SIGUSR2, before)
