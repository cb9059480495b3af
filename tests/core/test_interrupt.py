"""Ctrl-C, in processes of their own: the main task gets it, whatever runs when it comes."""

import signal
import subprocess
import sys
import textwrap

import pytest

PRELUDE = """
import os, signal, weft
# Ignored, and inherited so, where the tests run in the background of a shell.
signal.signal(signal.SIGINT, signal.default_int_handler)

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
"""


@pytest.fixture(params=["epoll", "poll", "select"], autouse=True)
def poller(request, monkeypatch) -> None:
    """The programs inherit it."""
    monkeypatch.setenv("WEFT_POLLER", request.param)


def run(program: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_interrupt_while_main_runs_is_raised_there() -> None:
    program = """
    weft.spawn(weft.sleep, 60)
    weft.checkpoint()
    try:
        interrupt()
    except KeyboardInterrupt:
        print("main")
    """
    assert run(program) == ["main"]


def test_interrupt_while_another_task_runs_is_raised_in_main() -> None:
    program = """
    def worker():
        interrupt()
        sum(range(1000))
        print("worker goes on")

    task = weft.spawn(worker)
    try:
        weft.sleep(60)
    except KeyboardInterrupt:
        print("main")
    print(task.result())
    """
    assert run(program) == ["worker", "goes", "on", "main", "None"]


def test_interrupt_reaches_main_in_a_wait_that_cannot_be_cancelled() -> None:
    program = """
    weft.spawn(interrupt)
    try:
        weft.lowlevel.park("lock", cancellable=False)
    except KeyboardInterrupt:
        print("main")
    """
    assert run(program) == ["main"]


def test_interrupt_reaches_a_main_that_is_about_to_run_at_its_next_operation() -> None:
    """test_threading's test_interrupt_main_subthread: the lock is free, so nothing parks."""
    program = """
    import weft.threading
    started, free = weft.threading.Event(), weft.threading.Lock()

    def worker():
        started.set()
        interrupt()

    weft.spawn(worker)
    try:
        started.wait()
        with free:
            pass
        print("nothing")
    except KeyboardInterrupt:
        print("main")
    """
    assert run(program) == ["main"]


def test_interrupt_does_not_come_in_the_middle_of_taking_a_free_lock() -> None:
    """Nobody could tell whether it was taken: a condition would release a lock it has not."""
    program = """
    import weft.threading
    from weft._core import _trial
    _trial.shuffle(1)                    # where every operation lets others run
    free, again = weft.threading.Lock(), weft.threading.RLock()
    for lock, is_held in ((free, free.locked), (again, again._is_owned)):
        task = weft.spawn(interrupt)
        try:
            while not task.done:
                lock.acquire()
                lock.release()
            sum(range(10))
        except KeyboardInterrupt:
            print("main", is_held())
    """
    assert run(program) == ["main", "True", "main", "True"]


def test_second_interrupt_is_raised_in_the_task_that_holds_the_hub() -> None:
    program = """
    def hog():
        try:
            interrupt()
            sum(range(1000))
            interrupt()
            sum(range(1000))
        except KeyboardInterrupt:
            print("hog")

    weft.spawn(hog)
    try:
        weft.sleep(60)
    except KeyboardInterrupt:
        print("main")
    """
    assert run(program) == ["hog", "main"]


def test_interrupt_wakes_a_hub_that_waits_on_the_kernel() -> None:
    program = """
    import threading
    timer = threading.Timer(0.05, interrupt)
    timer.start()
    try:
        weft.sleep(60)
    except KeyboardInterrupt:
        print("main")
    """
    assert run(program) == ["main"]


def test_a_handler_of_the_program_is_left_alone() -> None:
    program = """
    signal.signal(signal.SIGINT, lambda *_: print("own"))
    weft.spawn(interrupt).join()
    """
    assert run(program) == ["own"]


def test_an_uncaught_interrupt_ends_the_process_by_its_signal() -> None:
    program = "import weft\nweft.checkpoint()\nraise KeyboardInterrupt"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGINT
    assert done.stderr.endswith("KeyboardInterrupt\n")
