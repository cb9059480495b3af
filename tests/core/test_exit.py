"""The end of the interpreter: what is left is cancelled; no crash, no hang, no noise."""

import pytest

TASKS = """
import threading
import weft
from weft import lowlevel

def stay():
    try:
        lowlevel.park("for ever")
    finally:
        print("finally")

def some_tasks():
    weft.spawn(stay)
    weft.spawn(weft.sleep, 1e6)
    weft.checkpoint()
    weft.spawn(stay)
"""


@pytest.fixture
def ends(program):
    """Run ``source`` after ``TASKS``; what it printed."""

    def run(source: str, **keywords) -> str:
        return program(TASKS + source, **keywords)

    return run


def test_parked_and_new_tasks_at_exit(ends) -> None:
    assert ends("some_tasks()\nprint('end')") == "end\nfinally\n"


def test_tasks_at_exit_with_an_exception(ends) -> None:
    assert ends("some_tasks()\n1 / 0", status=1, complaint="ZeroDivisionError") == "finally\n"


def test_tasks_at_exit_with_a_status(ends) -> None:
    assert ends("some_tasks()\nraise SystemExit(3)", status=3) == "finally\n"


def test_tasks_in_a_thread_that_has_ended(ends) -> None:
    assert ends(
        "some_tasks()\n"
        "thread = threading.Thread(target=some_tasks)\n"
        "thread.start()\n"
        "thread.join()\n"
        "print('end')\n",
        complaint="ended with 3 unfinished tasks",
    ) == "end\nfinally\n"  # fmt: skip


def test_a_thread_that_ends_after_the_main_program(ends) -> None:
    out = ends("""
def run():
    threading.main_thread().join()
    weft.sleep(0.001)
    print(weft.spawn(str, "still works").result())

threading.Thread(target=run).start()
""")
    assert out == "still works\n"


@pytest.mark.parametrize("poller", ["epoll", "poll", "select"])
@pytest.mark.parametrize("work", ["sum(range(1000)); weft.checkpoint()", "weft.sleep(1e-4)"])
def test_daemon_threads_with_busy_tasks(ends, work, poller) -> None:
    """Before 3.14 such a thread ends by pthread_exit, which aborted in greenlet's frames."""
    out = ends(
        f"""
def busy():
    while True:
        {work}

def run():
    for _ in range(3):
        weft.spawn(busy)
    busy()

for _ in range(4):
    threading.Thread(target=run, daemon=True).start()
weft.sleep(0.02)
print("end")
""",
        WEFT_POLLER=poller,
    )
    assert out == "end\n"


def test_a_task_that_is_destroyed_by_the_end_of_its_module(ends) -> None:
    assert ends("task = weft.spawn(stay)\nother = weft.spawn(int)\nother.join()\n") == "finally\n"


def test_weft_works_in_functions_called_at_exit(ends) -> None:
    out = ends("""
import atexit

def last():
    weft.sleep(0.0001)
    print(weft.spawn(str, "last").result())

atexit.register(last)
some_tasks()
""")
    assert out == "last\nfinally\nfinally\n"


def test_weft_is_used_at_exit_for_the_first_time(program) -> None:
    out = program("""
        import atexit
        import weft
        atexit.register(lambda: print(weft.spawn(str, "first").result()))
    """)
    assert out == "first\n"


def test_a_failure_not_yet_logged_is_logged_at_exit(program) -> None:
    program(
        """
        import weft
        weft.spawn(int, "x")
        weft.checkpoint()
        weft.checkpoint()
        """,
        complaint="failed, and nobody asked for its result",
    )


def test_a_failure_in_a_thread_is_logged_at_exit(program) -> None:
    program(
        """
        import threading
        import weft

        def run():
            weft.spawn(int, "x").join()

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        """,
        complaint="failed, and nobody asked for its result",
    )


def test_a_raw_greenlet_that_holds_a_parked_task_at_exit(ends) -> None:
    out = ends("""
from greenlet import greenlet

weft.spawn(lambda: greenlet(stay).switch())
weft.checkpoint()
print("end")
""")
    assert out == "end\nfinally\n"


def test_system_exit_in_a_task_ends_the_program(program) -> None:
    out = program(
        """
        import sys
        import weft

        weft.spawn(sys.exit, 7)
        try:
            weft.sleep(1e6)
        finally:
            print("main leaves")
        """,
        status=7,
    )
    assert out == "main leaves\n"


def test_a_destructor_that_waits_in_the_teardown_does_not_crash(ends) -> None:
    """It may be told anything, but the process ends as it would."""
    ends(
        """
class Late:
    def __del__(self):
        weft.sleep(1e-6)

late = Late()
some_tasks()
""",
        complaint=None,
    )


def test_what_is_left_is_cancelled_after_the_functions_called_at_exit(program) -> None:
    out = program("""
        import atexit
        import weft

        def stay():
            try:
                weft.sleep(1e6)
            except weft.Cancelled as why:
                weft.sleep(0.001)
                print(why)

        atexit.register(print, "exit function")
        weft.spawn(stay)
        weft.checkpoint()
    """)
    assert out.splitlines()[0] == "exit function"
    assert out.endswith("was cancelled: the program ends\n")


def test_a_task_that_will_not_end_does_not_keep_the_program(program) -> None:
    out = program("""
        import weft

        def stay():
            while True:
                try:
                    weft.sleep(1e6)
                except weft.Cancelled:
                    print("stays")

        weft.spawn(stay)
        weft.spawn(weft.lowlevel.park, "lock", cancellable=False)
        weft.checkpoint()
    """)
    assert out == "stays\n"


def test_a_failure_that_is_still_referenced_is_logged_at_exit(program) -> None:
    program(
        """
        import weft
        task = weft.spawn(int, "x")
        task.join()
        """,
        complaint="failed, and nobody asked for its result",
    )
