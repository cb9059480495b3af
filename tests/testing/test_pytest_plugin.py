"""The pytest plugin, each time in a pytest of its own: what a marked test gets, and only that."""

import os
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., str]


@pytest.fixture
def pytest_says(run_python, tmp_path: Path) -> Run:
    """Run a test file under pytest with the plugin; what it prints."""

    def run(source: str, *words: str, ini: str = "") -> str:
        head = "import threading, time, pytest, weft\nfrom weft.testing import *\n"
        (tmp_path / "test_it.py").write_text(head + textwrap.dedent(source))
        (tmp_path / "pytest.ini").write_text(f"[pytest]\nfaulthandler_timeout = 60\n{ini}")
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "WEFT_SEED": ""}
        plugin = ["-p", "weft.testing.pytest_plugin", "-p", "no:cacheprovider"]
        done = run_python("-m", "pytest", *plugin, *words, "test_it.py", env=environment)
        return done.stdout + done.stderr

    return run


def test_a_test_that_does_not_ask_for_it_is_left_alone(pytest_says: Run) -> None:
    said = pytest_says(
        """
        tasks = []

        def test_first():
            tasks.append(weft.spawn(weft.sleep, 3600))

        def test_second():
            assert tasks[0] in weft.tasks()
            tasks[0].cancel()

        @pytest.mark.weft
        def test_what_is_from_before_is_no_leak():
            tasks[0].join()
        """
    )
    assert "3 passed" in said


def test_a_task_left_behind_fails_the_test_that_left_it(pytest_says: Run) -> None:
    said = pytest_says(
        """
        @pytest.fixture(scope="session")
        def server():
            task = weft.spawn(serve)
            yield
            task.cancel()
            task.join()

        def serve():
            while True:
                weft.spawn(weft.sleep, 3600)
                weft.sleep(0.001)

        @pytest.fixture(scope="session")
        def busy():
            # Starts a task whenever anybody lets it run.
            def start():
                while True:
                    weft.spawn(weft.sleep, 3600)
                    weft.checkpoint()

            task = weft.spawn(start)
            yield
            task.cancel()

        @pytest.fixture
        def ended_later():
            tasks = []
            yield tasks
            for task in tasks:
                task.cancel()

        @pytest.mark.weft
        def test_clean(server, busy, ended_later):
            ended_later.append(weft.spawn(weft.sleep, 3600))
            weft.sleep(0.003)

        def child():
            weft.spawn(weft.sleep, 3600)

        @pytest.mark.weft
        def test_leaks():
            weft.spawn(child).join()

        @pytest.mark.weft
        def test_next():
            assert not [t for t in weft.tasks() if t.spawn_place.endswith("in child")]
        """
    )
    assert "3 passed, 1 error" in said
    assert "ERROR at teardown of test_leaks" in said
    assert re.search(
        r"left tasks behind:\n  task 'sleep-\d+', spawned at .*test_it.py:\d+ in child", said
    )


def test_a_hang_becomes_a_report(pytest_says: Run) -> None:
    said = pytest_says(
        """
        def waits(a, b):
            with a:
                weft.checkpoint()
                with b:
                    pass

        def test_hangs():
            a, b = weft.Lock(), weft.Lock()
            with weft.group() as g:
                g.spawn(waits, a, b).name = "anna"
                g.spawn(waits, b, a).name = "bert"

        def test_next():
            weft.sleep(0.001)
        """,
        ini="weft = true\n",
    )
    assert "1 failed, 1 passed" in said
    assert "cycle: 'anna' -> " in said and "held by 'bert'" in said


def test_a_test_has_only_so_long(pytest_says: Run) -> None:
    said = pytest_says(
        """
        @pytest.mark.weft(timeout=0.05)
        def test_real():
            try:
                weft.sleep(3600)
            except Exception:
                pass

        @pytest.mark.weft
        def test_virtual():
            with virtual_time():
                while True:
                    weft.sleep(3600)

        @pytest.mark.weft(timeout=60)
        def test_quick():
            weft.sleep(0.06)
        """,
        ini="weft_timeout = 0.05\n",
    )
    assert "2 failed, 1 passed" in said
    assert said.count("the test took longer than 0.05 s") >= 2
    assert "'main': " in said


def test_a_test_that_goes_on_after_its_time_fails_at_its_end(pytest_says: Run) -> None:
    said = pytest_says(
        """
        @pytest.mark.weft(timeout=0.05)
        def test_swallows():
            try:
                weft.sleep(3600)
            except BaseException:
                pass

        @pytest.mark.weft
        def test_next():
            weft.sleep(0.001)
        """
    )
    assert "1 failed, 1 passed" in said
    assert "took longer than 0.05 s, and went on when it was told so" in said


@pytest.mark.parametrize(
    "wait",
    [
        "queue.Queue().get()",  # of the stdlib, unpatched
        "(pair := socket.socketpair())[0].recv(1)",
        "time.sleep(3600)",
        "sum(1 for _ in itertools.count())",
        "weft.spawn(queue.Queue().get).result()",
    ],
)
def test_what_hangs_outside_of_weft_is_ended_too(pytest_says: Run, wait: str) -> None:
    said = pytest_says(
        f"""
        import itertools, queue, socket

        @pytest.mark.weft(timeout=0.05)
        def test_hangs():
            {wait}

        @pytest.mark.weft
        def test_next():
            weft.sleep(0.001)
        """
    )
    assert "1 failed, 1 passed" in said
    assert "the test took longer than 0.05 s\n" in said
    assert f"in test_hangs: {wait}" in said


def test_a_still_thread_is_reported_while_it_hangs(pytest_says: Run) -> None:
    said = pytest_says(
        """
        import queue
        from weft.testing import _alarm

        _alarm.LONG = 0.02

        @pytest.mark.weft
        def test_hangs():
            try:
                queue.Queue().get(timeout=0.5)
            except queue.Empty:
                pass
        """
    )
    assert "1 passed" in said
    assert "no task has parked for 0.02 s in a test marked weft" in said
    assert "in test_hangs: queue.Queue().get(timeout=0.5)" in said


def test_each_test_has_a_hub_of_its_own(pytest_says: Run) -> None:
    said = pytest_says(
        """
        from weft import lowlevel, socket
        values = threading.local()

        def test_unmarked():
            a, b = socket.socketpair()
            task = weft.spawn(b.recv, 1)
            weft.sleep(0)
            a.send(b"x")
            task.join()
            weft.current().cancel("not come to")
            values.seen = a, b

        @pytest.mark.weft
        def test_first():
            counts = lowlevel.statistics()
            assert counts["descriptors"] <= 1 and counts["passes"] == 0
            weft.sleep(0.001)
            a, b = values.seen
            a.send(b"y")
            assert b.recv(1) == b"y"

        @pytest.fixture(scope="session")
        def echo():
            a, b = socket.socketpair()

            def serve():
                while data := b.recv(100):
                    b.sendall(data)

            task = weft.spawn(serve)
            yield a
            a.close()
            task.join()

        @pytest.mark.weft
        def test_with_a_fixture_of_the_session(echo):
            echo.sendall(b"one")
            assert echo.recv(100) == b"one"

        @pytest.mark.weft
        def test_with_the_same_fixture(echo):
            echo.sendall(b"two")
            assert echo.recv(100) == b"two"
        """,
        "-p",
        "no:randomly",
    )
    assert "4 passed" in said, said


def test_a_seed_is_for_marked_tests_and_explore(pytest_says: Run) -> None:
    said = pytest_says(
        """
        def order():
            seen = []
            weft.joinall([weft.spawn(seen.append, n) for n in range(6)])
            return seen

        @pytest.mark.weft
        def test_marked():
            print("marked", order(), weft.now())

        def test_unmarked():
            assert order() == [0, 1, 2, 3, 4, 5]

        @pytest.mark.weft
        def test_clock():
            with virtual_time() as clock:
                assert clock.now() == 100_000
                weft.sleep(3600)
                print("virtual", order())

        @pytest.mark.weft
        def test_schedules_of_its_own():
            with schedule(4):
                mine = order()
            runs = []
            explore(lambda: runs.append(order()))
            assert len(runs) == 1
            explored = runs[0]
            with schedule(11):
                assert order() != mine
            assert weft.now() == 100_000
        """,
        *("--weft-seed", "11", "-rP"),
    )
    assert "4 passed" in said, said
    assert "weft: schedule of seed 11" in said
    shown = re.search(r"marked \[([\d, ]+)\] 100000.0", said)
    assert shown and shown[1] != "0, 1, 2, 3, 4, 5"


@pytest.mark.parametrize("marker", ["'5'", "time=5", "timeout='soon'", "timeout=0"])
def test_a_wrong_marker_is_told(pytest_says: Run, marker: str) -> None:
    said = pytest_says(f"@pytest.mark.weft({marker})\ndef test_it(): pass")
    assert re.search(
        r"the marker is weft\(timeout=None\)|a test's timeout is a number of sec", said
    )
    assert "pytest_plugin.py" not in said


def test_nothing_is_warned_of_under_weft_run(run_python, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(): pass\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    words = ["-m", "pytest", "-p", "no:cacheprovider", str(tmp_path)]
    done = run_python("-m", "weft", "run", *words)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout and "warning" not in done.stdout.lower()
