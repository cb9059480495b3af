"""events: each event to its handlers, nobody held up, and nothing called after it was cancelled."""

import doctest
import gc
import logging
import random
import socket
import weakref
from collections.abc import Iterator

import pytest

import weft
import weft.testing
from weft import _events, events, lowlevel
from weft.testing import explore

RUNS = 300


class Key:
    def __init__(self, name: str = "") -> None:
        self.name = name


class Enter(Key):
    pass


pytestmark = pytest.mark.usefixtures("no_task_is_left")


@pytest.fixture
def loop() -> events.Loop:
    return events.Loop()


@pytest.fixture
def clock() -> Iterator[weft.testing.Clock]:
    with weft.testing.virtual_time() as clock:
        yield clock


def run(loop: events.Loop, *what: object) -> None:
    """Publish all of it and run to the end of it."""
    for event in what:
        loop.publish(event)
    loop.stop()
    loop.run()


def run_for(loop: events.Loop, seconds: float) -> None:
    loop.call_later(seconds, loop.stop)
    loop.run()


def turns(n: int = 3) -> None:
    for _ in range(n):
        weft.checkpoint()


def park() -> None:
    lowlevel.park("test")


@pytest.mark.parametrize("module", [events, _events])
def test_the_examples_in_its_docstrings(module) -> None:
    failed, tried = doctest.testmod(module)
    assert not failed and tried


# -- events and handlers ---------------------------------------------------------------


def test_an_event_goes_to_the_handlers_of_its_type(loop: events.Loop) -> None:
    seen: list[object] = []
    loop.subscribe(int, lambda n: seen.append(("int", n)))
    loop.subscribe(str, lambda s: seen.append(("str", s)))
    run(loop, 1, "a", 2.5)
    assert seen == [("int", 1), ("str", "a")]


def test_a_handler_of_a_class_gets_those_derived_from_it_too(loop: events.Loop) -> None:
    seen: list[str] = []
    loop.subscribe(Enter, lambda key: seen.append("enter"))
    loop.subscribe(object, lambda key: seen.append("any"))
    loop.subscribe(Key, lambda key: seen.append("key"))
    run(loop, Enter())
    assert seen == ["enter", "any", "key"]  # in the order of subscription
    seen.clear()
    run(loop, Key())
    assert seen == ["any", "key"]


def test_calls_begin_in_the_order_of_the_events(loop: events.Loop) -> None:
    seen: list[int] = []
    loop.subscribe(int, seen.append)
    run(loop, *range(500))
    assert seen == list(range(500))


def test_a_handler_that_blocks_holds_up_nobody_not_even_itself(
    clock: weft.testing.Clock, loop: events.Loop
) -> None:
    log: list[str] = []

    def wait(seconds: float) -> None:
        log.append(f"{seconds} begins")
        weft.sleep(seconds)
        log.append(f"{seconds} ends")

    loop.subscribe(float, wait)
    loop.subscribe(str, log.append)
    start = clock.now()
    run(loop, 3.0, 1.0, "hello", 2.0)
    assert clock.now() - start == pytest.approx(3)
    assert log == [
        *("3.0 begins", "1.0 begins", "hello", "2.0 begins"),
        *("1.0 ends", "2.0 ends", "3.0 ends"),
    ]


def test_one_event_at_a_time_with_a_lock(loop: events.Loop) -> None:
    log: list[int] = []
    lock = weft.Lock()

    def handle(n: int) -> None:
        with lock:
            log.append(n)
            turns(n)
            log.append(n)

    loop.subscribe(int, handle)
    run(loop, 3, 2, 1)
    assert log == [3, 3, 2, 2, 1, 1]


def test_a_handler_publishes_and_subscribes(loop: events.Loop) -> None:
    seen: list[object] = []

    def handle(n: int) -> None:
        seen.append(n)
        if n == 0:
            loop.stop()
        else:
            loop.subscribe(str, seen.append)
            loop.publish(str(n))
            loop.publish(n - 1)

    loop.subscribe(int, handle)
    loop.publish(2)
    loop.run()
    assert seen == [2, "2", 1, "1", "1", 0]


def test_a_cancelled_subscription_gets_nothing_more(loop: events.Loop) -> None:
    seen: list[int] = []
    handle = loop.subscribe(int, seen.append)
    run(loop, 1)
    loop.publish(2)
    handle.cancel()
    handle.cancel()
    run(loop, 3)
    assert seen == [1] and handle.cancelled


def test_a_call_that_has_not_begun_is_cancelled_one_that_has_goes_on(loop: events.Loop) -> None:
    log: list[str] = []

    def first(n: int) -> None:
        for handle in handles:
            handle.cancel()
        turns()
        log.append("first went on")

    handles = [loop.subscribe(int, first), loop.subscribe(int, lambda n: log.append("second"))]
    run(loop, 1, 2)
    assert log == ["first went on"]


def test_a_cancelled_handle_keeps_nothing_alive(loop: events.Loop) -> None:
    class Owner:
        def method(self, event: object = None) -> None: ...

    owner = Owner()
    watch = weakref.ref(owner)
    handles = [
        loop.subscribe(int, owner.method),
        loop.call_later(60, owner.method),
        loop.call_soon_threadsafe(owner.method),
    ]
    for handle in handles:
        handle.cancel()
    del owner
    gc.collect()
    assert watch() is None


def test_what_is_wrong_is_said_at_once(loop: events.Loop) -> None:
    with pytest.raises(TypeError, match="an event's type is a class, got 'click'"):
        loop.subscribe("click", print)  # type: ignore[arg-type]
    for call in (
        lambda fn: loop.subscribe(int, fn),
        lambda fn: loop.call_later(1, fn),
        lambda fn: loop.on_readable(0, fn),
        loop.call_soon_threadsafe,
    ):
        with pytest.raises(TypeError, match="needs a function to call, got 5"):
            call(5)
    for seconds in (-1, float("nan")):
        with pytest.raises(ValueError, match=r"seconds must be 0 or more, got (-1|nan)"):
            loop.call_later(seconds, print)
    with pytest.raises(ValueError, match="is closed"):
        loop.on_readable(-1, print)
    with pytest.raises(TypeError, match="a descriptor is an int, or has a fileno"):
        loop.on_readable("stdin", print)  # type: ignore[arg-type]


def test_a_handle_and_a_loop_say_what_they_are(loop: events.Loop) -> None:
    handle = loop.subscribe(Key, print)
    assert repr(handle) == "<subscription to Key of print>"
    handle.cancel()
    assert repr(handle) == "<subscription to Key of print, cancelled>"
    loop.publish(1)
    assert repr(loop) == "<weft.events.Loop: idle, 1 in the queue>"


# -- failures --------------------------------------------------------------------------


def test_a_failure_is_logged_with_its_place_and_stops_nobody(
    loop: events.Loop, caplog: pytest.LogCaptureFixture, settle
) -> None:
    def fail(n: int) -> None:
        raise ValueError(f"no {n}")

    seen: list[int] = []
    loop.subscribe(int, fail)
    loop.subscribe(int, seen.append)
    with caplog.at_level(logging.ERROR, "weft"):
        run(loop, 1, 2)
        settle()
    assert seen == [1, 2]
    failures = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert sorted(map(str, failures)) == ["no 1", "no 2"]
    assert "fail" in caplog.records[0].message and "test_events.py" in caplog.records[0].message


def test_what_is_to_end_the_program_goes_to_the_main_task(loop: events.Loop) -> None:
    log: list[str] = []

    def wait(event: int) -> None:
        try:
            park()
        finally:
            log.append("ended")

    def leave(event: int) -> None:
        raise SystemExit(3)

    loop.subscribe(int, wait)
    loop.subscribe(int, leave)
    loop.publish(1)
    with pytest.raises(SystemExit, match="3"):
        loop.run()
    assert log == ["ended"]


# -- run and stop ----------------------------------------------------------------------


def test_stop_lets_what_was_published_before_be_handled(loop: events.Loop) -> None:
    seen: list[int] = []
    loop.subscribe(int, seen.append)
    loop.publish(1)
    loop.stop()
    loop.publish(2)
    loop.run()
    assert seen == [1]
    run(loop)
    assert seen == [1, 2]


def test_stop_waits_for_calls_that_have_begun(loop: events.Loop) -> None:
    log: list[str] = []
    loop.subscribe(int, lambda n: (turns(20), log.append("done")))
    run(loop, 1)
    assert log == ["done"]


@pytest.mark.usefixtures("clock")
def test_one_stop_too_many_does_not_stop_the_next_run(loop: events.Loop) -> None:
    loop.stop()
    loop.stop()
    loop.run()
    seen: list[int] = []
    loop.subscribe(int, seen.append)
    loop.call_later(0.001, lambda: loop.publish(1))
    run_for(loop, 0.01)
    assert seen == [1]


def test_a_loop_runs_once_at_a_time(loop: events.Loop) -> None:
    task = weft.spawn(loop.run)
    turns()
    with pytest.raises(weft.TaskError, match="running already"):
        loop.run()
    loop.stop()
    task.result()


@pytest.mark.usefixtures("clock")
def test_cancelling_run_cancels_the_calls_and_waits_for_them(loop: events.Loop) -> None:
    log: list[str] = []

    def wait(event: int) -> None:
        try:
            park()
        finally:
            turns()
            log.append("ended")

    loop.subscribe(int, wait)
    loop.publish(1)
    with pytest.raises(TimeoutError), weft.timeout(0.001):
        loop.run()
    assert log == ["ended"]
    seen: list[str] = []
    loop.subscribe(str, seen.append)
    run(loop, "again")
    assert seen == ["again"]


@pytest.mark.usefixtures("clock")
def test_a_stop_that_hangs_on_a_call_can_be_cut_short(loop: events.Loop) -> None:
    loop.call_soon_threadsafe(park)
    with pytest.raises(TimeoutError), weft.timeout(0.001):
        run(loop)


def test_a_loop_nobody_can_reach_is_a_deadlock(run_python) -> None:
    done = run_python("-c", "from weft import events; events.Loop().run()")
    assert done.returncode == 1 and "Deadlock" in done.stderr


# -- call_later, call_soon_threadsafe --------------------------------------------------


def test_timers_are_called_when_due_and_in_order(
    clock: weft.testing.Clock, loop: events.Loop
) -> None:
    log: list[object] = []
    start = clock.now()
    for seconds in (3, 1, 2, 1, 0):
        loop.call_later(seconds, lambda s=seconds: log.append((s, clock.now() - start)))
    run_for(loop, 9)
    assert log == [(s, pytest.approx(s)) for s in (0, 1, 1, 2, 3)]


@pytest.mark.usefixtures("clock")
def test_a_timer_that_is_not_due_waits_for_the_next_run(loop: events.Loop) -> None:
    log: list[str] = []
    loop.call_later(5, lambda: log.append("late"))
    run_for(loop, 1)
    assert log == []
    run_for(loop, 5)
    assert log == ["late"]


@pytest.mark.usefixtures("clock")
def test_a_cancelled_timer_is_not_called(loop: events.Loop) -> None:
    log: list[str] = []
    handle = loop.call_later(2, lambda: log.append("never"))
    loop.call_later(1, handle.cancel)
    loop.call_later(2, handle.cancel)
    run_for(loop, 3)
    assert log == [] and handle.cancelled


@pytest.mark.usefixtures("clock")
def test_an_endless_timer_is_none(loop: events.Loop) -> None:
    loop.call_later(float("inf"), print)
    run_for(loop, 0.001)


def test_thousands_of_timers(clock: weft.testing.Clock, loop: events.Loop) -> None:
    fired: list[int] = []
    delays = [random.randrange(1000) / 1000 for _ in range(5000)]
    start = clock.now()

    def fire(n: int) -> None:
        assert clock.now() - start >= delays[n]
        fired.append(n)

    handles = [loop.call_later(s, lambda n=n: fire(n)) for n, s in enumerate(delays)]
    for handle in handles[::2]:
        handle.cancel()
    run_for(loop, 2)
    assert sorted(fired) == list(range(1, 5000, 2))
    assert [delays[n] for n in fired] == sorted(delays[1::2])


def test_cancelled_timers_do_not_pile_up(loop: events.Loop) -> None:
    """As timeouts do that are set and cancelled all the time."""

    def churn() -> None:
        for _ in range(50):
            for _ in range(100):
                loop.call_later(3600, print).cancel()
            weft.sleep(0)
            most.append(len(loop._timers))
        loop.stop()

    most: list[int] = []
    kept = loop.call_later(3600, print)
    loop.call_soon_threadsafe(churn)
    loop.run()
    assert max(most) <= 200
    kept.cancel()
    run(loop)
    assert loop._timers == []


def test_call_soon_has_its_turn_among_the_events(loop: events.Loop) -> None:
    log: list[object] = []
    loop.subscribe(int, log.append)
    loop.publish(1)
    loop.call_soon_threadsafe(lambda: log.append("soon"))
    loop.call_soon_threadsafe(lambda: log.append("never")).cancel()
    run(loop, 2)
    assert log == [1, "soon", 2]


# -- under many schedules --------------------------------------------------------------


def test_nothing_is_called_after_its_cancel_nor_forgotten_without_it() -> None:
    def trial() -> None:
        loop = events.Loop()
        calls: dict[int, int] = dict.fromkeys(range(9), 0)
        handles: dict[int, events.Handle] = {}

        def call(n: int, *event: object) -> None:
            assert not handles[n].cancelled
            calls[n] += 1
            weft.sleep(random.choice([0, 0.001]))

        def meddle() -> None:
            for n in random.sample(range(9), 4):
                weft.sleep(random.choice([0, 0.001, 0.002]))
                handles[n].cancel()

        for n in range(9):
            ask = [
                lambda fn: loop.call_later(0.002, fn),
                lambda fn: loop.subscribe(int, fn),
                loop.call_soon_threadsafe,
            ][n % 3]
            handles[n] = ask(lambda *event, n=n: call(n, *event))
        meddler = weft.spawn(meddle)
        loop.call_later(0.001, lambda: loop.publish(1))
        loop.call_later(0.01, loop.stop)
        loop.run()
        meddler.result()
        assert all(calls[n] == 1 for n in handles if not handles[n].cancelled)
        assert max(calls.values()) == 1

    explore(trial, RUNS)


def test_any_end_of_run_leaves_no_task() -> None:
    def trial() -> None:
        loop = events.Loop()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.send(b"x")
            loop.on_readable(ours, lambda: weft.sleep(0.001))
            loop.subscribe(int, lambda n: weft.sleep(0.003))
            loop.call_later(random.choice([0, 0.001, 0.002]), lambda: loop.publish(1))
            loop.call_later(random.choice([0, 0.001, 0.004]), loop.stop)
            with weft.move_on_after(random.choice([0.001, 0.002, 9])):
                loop.run()
            assert weft.tasks() == [*before, weft.current()]

    before = weft.tasks()
    explore(trial, RUNS)
