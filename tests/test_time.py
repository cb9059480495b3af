"""weft.time: sleep with the stdlib's errors; the rest is the stdlib's."""

import fractions
import time as stdlib
from concurrent.futures import ThreadPoolExecutor

import pytest

import weft
from weft import lowlevel
from weft import time as green

CLOCKS = ("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "time", "time_ns")


def test_everything_but_sleep_and_the_clocks_is_the_stdlibs() -> None:
    own = {"sleep", "pthread_getcpuclockid", *CLOCKS}
    for name in (name for name in dir(stdlib) if not name.startswith("_")):
        assert (getattr(green, name) is getattr(stdlib, name)) == (name not in own), name


@pytest.mark.parametrize("name", CLOCKS)
def test_a_clock_shows_the_time_of_the_stdlibs(name: str) -> None:
    before, now, after = getattr(stdlib, name)(), getattr(green, name)(), getattr(stdlib, name)()
    assert before <= now <= after
    assert type(now) is type(before)


def test_sleep_lets_others_run_and_is_never_early() -> None:
    seen = []
    for seconds in (0.0002, 0.002, fractions.Fraction(0).numerator):
        weft.spawn(seen.append, seconds)
        start = weft.now()
        assert green.sleep(seconds) is None
        assert weft.now() - start >= seconds
        assert seen[-1] == seconds


class Index:
    def __index__(self) -> int:
        return 0


def test_sleep_takes_what_the_stdlibs_takes() -> None:
    for seconds in (0, 0.0, False, Index(), -0.0, 1e-9):
        stdlib.sleep(seconds)
        green.sleep(seconds)


@pytest.mark.parametrize(
    "seconds",
    [-1, -1e-9, float("nan"), float("inf"), 1e100, 10**30, "1", None, fractions.Fraction(1), 1j],
    ids=str,
)
def test_sleep_refuses_what_the_stdlibs_refuses(seconds) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)) as expected:
        stdlib.sleep(seconds)
    with pytest.raises(expected.type):
        green.sleep(seconds)
    for call in (stdlib.sleep, green.sleep):
        with pytest.raises(TypeError):
            call(seconds=0)


def test_a_thread_without_tasks_sleeps_without_a_hub() -> None:
    def sleep() -> int:
        green.sleep(0.001)
        return len(lowlevel.tasks())

    before = len(lowlevel.tasks())
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(sleep).result() == before


def test_sleep_does_not_become_a_method() -> None:
    class Clock:
        sleep = green.sleep

    Clock().sleep(0)


def test_a_sleeper_is_cancelled() -> None:
    task = weft.spawn(green.sleep, 60)
    weft.checkpoint()
    assert task.wait_kind == "sleep"
    task.cancel()
    task.join()
    assert isinstance(task.exception, weft.Cancelled)


def test_the_cpu_clock_of_a_task_is_that_of_its_thread() -> None:
    from weft.threading import get_ident

    task = weft.spawn(lambda: green.pthread_getcpuclockid(get_ident()))
    assert task.result() == stdlib.pthread_getcpuclockid(get_ident())
