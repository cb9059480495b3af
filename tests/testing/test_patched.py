"""weft.testing in programs that are patched, each in a process of its own."""

import textwrap

import pytest

HEAD = """
import concurrent.futures, queue, sched, socket, threading, time
from time import sleep
import weft
{patch}
from weft.testing import ScheduleFailed, explore, virtual_time
"""
PATCH = "import weft.patch; weft.patch.all()"
ORDERS = {
    "before": HEAD.format(patch=PATCH),
    "after": HEAD.format(patch="import weft.patch, weft.testing") + "weft.patch.all()\n",
}


@pytest.fixture(params=ORDERS)
def patched(run_python, request):
    """Run a program that patches before or after it imports weft.testing."""

    def run(source: str) -> str:
        done = run_python("-c", ORDERS[request.param] + textwrap.dedent(source))
        assert done.stderr == ""
        return done.stdout

    return run


def test_the_stdlibs_timeouts_jump(patched) -> None:
    said = patched(
        """
        def empty():
            try:
                queue.Queue().get(timeout=100)
            except queue.Empty:
                pass

        def wait_for():
            condition = threading.Condition()
            with condition:
                condition.wait_for(lambda: False, 100)

        def silence():
            a, b = socket.socketpair()
            with a, b:
                a.settimeout(100)
                try:
                    a.recv(1)
                except TimeoutError:
                    pass

        def timer():
            each = threading.Timer(100, print, ["timer"])
            each.start()
            each.join()

        def scheduler():
            each = sched.scheduler(time.monotonic, time.sleep)
            each.enter(100, 1, print, ["scheduler"])
            each.run()

        def future():
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                done = pool.submit(sleep, 200)
                try:
                    done.result(timeout=100)
                except concurrent.futures.TimeoutError:
                    assert done.result() is None

        with virtual_time() as clock:
            for wait in (empty, wait_for, silence, timer, scheduler,
                         lambda: threading.Event().wait(100), lambda: time.sleep(100), future):
                start = clock.now()
                wait()
                print(round(clock.now() - start, 3))
        assert time.sleep is sleep is weft.time.sleep
        """
    )
    assert said.split() == [
        "100.0",
        "100.0",
        "100.0",
        "timer",
        "100.0",
        "scheduler",
        "100.0",
        "100.0",
        "100.0",
        "200.0",
    ]


def test_explore_finds_races_among_threads(patched) -> None:
    said = patched(
        """
        def race():
            balance = [0]
            lock = threading.Lock()

            def deposit():
                before = balance[0]
                with lock:
                    balance[0] = before + 1

            threads = [threading.Thread(target=deposit) for _ in range(3)]
            for each in threads: each.start()
            for each in threads: each.join()
            assert balance == [3]

        def fails():
            each = threading.Thread(target=lambda: 1 / 0, name="worker")
            each.start()
            each.join()

        for run in (race, fails):
            try:
                explore(run)
            except ScheduleFailed as found:
                print(found.__cause__)
        explore(lambda: threading.Thread(target=time.sleep, args=[3600]).start() or sleep(3601))
        """
    )
    assert said.splitlines() == ["", "thread worker failed: ZeroDivisionError('division by zero')"]
