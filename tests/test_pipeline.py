"""pipeline: stages at the same time, never far ahead of one another, and nothing left behind."""

import doctest
import gc
import itertools
import logging
import random
import socket
import threading
import traceback
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
import weft.testing
from weft import lowlevel
from weft.testing import explore

RUNS = 300


pytestmark = pytest.mark.usefixtures("no_task_is_left")


def turns(n: int) -> int:
    """Take ``n`` turns, and say so."""
    for _ in range(n):
        weft.checkpoint()
    return n


def park() -> None:
    lowlevel.park("test")


def same(items: Iterator[int]) -> Iterator[int]:
    yield from items


def double(items: Iterator[int]) -> Iterator[int]:
    for item in items:
        yield 2 * item


def sink(items: Iterator[object]) -> None:
    for _ in items:
        weft.checkpoint()


class Kitchen:
    """Sources and stages that write down what becomes of them."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.baked = 0
        self.eaten: list[tuple[str, int]] = []

    def bake(self, count: int | None = None) -> Iterator[int]:
        try:
            for n in itertools.count() if count is None else range(count):
                self.baked += 1
                yield n
        finally:
            weft.checkpoint()  # whoever closes it lets it park
            self.log.append("bake closed")

    def eater(self, name: str, appetite: int | None = None, pause: int = 1) -> Callable:
        def eat(baozi: Iterator[int]) -> Iterator[int]:
            try:
                for each in itertools.islice(baozi, appetite):
                    turns(pause)
                    self.eaten.append((name, each))
                    yield each
                self.log.append(f"{name} is full")
            finally:
                self.log.append(f"{name} leaves")

        return eat


def test_the_example_in_its_docstring() -> None:
    from weft import _pipeline

    assert doctest.testmod(_pipeline) == (0, 4)


# -- what goes through -----------------------------------------------------------------


def test_each_stage_takes_what_the_one_before_yields() -> None:
    assert list(weft.pipeline(range(4), double, double)) == [0, 4, 8, 12]


def test_without_a_stage_it_is_a_source_read_ahead() -> None:
    kitchen = Kitchen()
    results = weft.pipeline(kitchen.bake(9), limit=3)
    assert next(results) == 0
    turns(9)
    assert kitchen.baked == 5  # one is taken, three wait, one is in the source's hands
    assert list(results) == list(range(1, 9))


@pytest.mark.parametrize(
    "source",
    [[1, 2], (1, 2), {1: "a", 2: "b"}, range(1, 3), iter([1, 2]), lambda: [1, 2]],
    ids=lambda source: type(source).__name__,
)
def test_any_iterable_is_a_source_and_so_is_a_function_that_returns_one(source) -> None:
    assert list(weft.pipeline(source, double)) == [2, 4]


def test_a_generator_function_and_a_generator_are_sources() -> None:
    kitchen = Kitchen()
    assert list(weft.pipeline(partial(kitchen.bake, 3), double)) == [0, 2, 4]
    assert list(weft.pipeline(kitchen.bake(3), double)) == [0, 2, 4]


@pytest.mark.parametrize(
    "stage",
    [
        lambda items: (n + 1 for n in items),
        lambda items: map((1).__add__, items),
        lambda items: weft.map((1).__add__, items, limit=2),
        lambda items: weft.pipeline(items, lambda n: (x + 1 for x in n), limit=1),
        lambda items: [n + 1 for n in items],
        partial(lambda by, items: (n + by for n in items), 1),
    ],
    ids=["generator", "builtin", "weft.map", "pipeline", "list", "partial"],
)
def test_whatever_a_stage_returns_is_iterated_over(stage) -> None:
    assert list(weft.pipeline(range(5), stage, limit=2)) == [1, 2, 3, 4, 5]


def test_a_stage_that_returns_none_is_a_sink() -> None:
    seen: list[int] = []

    def store(items: Iterator[int]) -> None:
        seen.extend(items)

    assert list(weft.pipeline(range(3), store)) == []
    weft.pipeline(range(3), double, store).run()
    assert seen == [0, 1, 2, 0, 2, 4]


@given(
    items=st.lists(st.integers(), max_size=30),
    limit=st.integers(1, 4),
    pauses=st.lists(st.lists(st.integers(0, 3), max_size=30), max_size=4),
)
def test_it_gives_what_nested_generators_give(items, limit, pauses) -> None:
    def slow(pauses: list[int], items: Iterable[int]) -> Iterator[int]:
        pause = itertools.chain(pauses, itertools.repeat(0))
        for item in items:
            turns(next(pause))
            yield item + 1

    stages = [partial(slow, each) for each in pauses]
    expected = [item + len(stages) for item in items]
    assert list(weft.pipeline(items, *stages, limit=limit)) == expected


def test_stages_work_at_the_same_time() -> None:
    """Three that wait a second for each of ten items take a second for each of 12."""

    def slow(items: Iterable[int]) -> Iterator[int]:
        for item in items:
            weft.sleep(1)
            yield item

    with weft.testing.virtual_time() as clock:
        start = clock.now()
        assert list(weft.pipeline(slow(range(10)), slow, slow)) == list(range(10))
        assert clock.now() - start == pytest.approx(12)


# -- several stages at one place -------------------------------------------------------


def test_consumers_of_one_producer_share_its_items() -> None:
    kitchen = Kitchen()
    both = [kitchen.eater("A"), kitchen.eater("B")]
    assert sorted(weft.pipeline(kitchen.bake(10), both, limit=1)) == list(range(10))
    assert {name for name, _ in kitchen.eaten} == {"A", "B"}
    assert sorted(n for _, n in kitchen.eaten) == list(range(10))


def test_who_is_slow_gets_fewer() -> None:
    kitchen = Kitchen()
    both = (kitchen.eater("quick"), kitchen.eater("slow", pause=50))
    weft.pipeline(kitchen.bake(20), both, limit=1).run()
    names = [name for name, _ in kitchen.eaten]
    assert names.count("quick") > 3 * names.count("slow") > 0


def test_one_that_has_had_enough_leaves_the_rest_to_the_others() -> None:
    kitchen = Kitchen()
    both = [kitchen.eater("A", appetite=2), kitchen.eater("B")]
    assert sorted(weft.pipeline(kitchen.bake(10), both, sorted)) == list(range(10))
    assert [name for name, _ in kitchen.eaten].count("A") == 2


def test_when_the_last_of_them_has_had_enough_the_producer_ends() -> None:
    kitchen = Kitchen()
    both = [kitchen.eater("A", appetite=2), kitchen.eater("B", appetite=3)]
    assert len(list(weft.pipeline(kitchen.bake(), both))) == 5
    assert kitchen.log.count("bake closed") == 1


# -- back-pressure ---------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 10])
def test_nobody_is_further_ahead_than_the_limit(limit: int) -> None:
    kitchen = Kitchen()
    for taken, _ in enumerate(weft.pipeline(kitchen.bake(100), same, limit=limit), 1):
        turns(20)
        # In each of two channels; one in the hands of the source and of the stage.
        assert kitchen.baked <= taken + 2 * limit + 2


def test_nothing_starts_before_the_first_result_is_asked_for() -> None:
    kitchen = Kitchen()
    results = weft.pipeline(kitchen.bake(3), kitchen.eater("A"))
    turns(5)
    assert kitchen.baked == 0
    assert next(results) == 0
    results.close()


# -- a stage ends early ----------------------------------------------------------------


def test_a_consumer_that_stops_ends_the_producer() -> None:
    kitchen = Kitchen()
    results = weft.pipeline(kitchen.bake(), same, kitchen.eater("A", appetite=3), double)
    assert list(results) == [0, 2, 4]
    assert kitchen.log[:2] == ["A is full", "A leaves"]
    assert kitchen.log[-1] == "bake closed"


def test_a_producer_that_waits_for_ever_is_ended_too() -> None:
    log = []

    def listen() -> Iterator[bytes]:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.send(b"x")
            try:
                while True:
                    lowlevel.wait_readable(ours.fileno())
                    yield ours.recv(1)
            finally:
                log.append("hung up")

    assert list(weft.pipeline(listen, lambda items: itertools.islice(items, 1))) == [b"x"]
    assert log == ["hung up"]


def test_a_stage_that_is_stopped_does_not_take_it_for_the_end_of_its_items() -> None:
    """It may commit after its loop."""
    log = []

    def store(items: Iterator[int]) -> Iterator[int]:
        yield from items
        log.append("committed")

    first = [lambda items: itertools.islice(items, 2)]
    assert list(weft.pipeline(itertools.count(), store, first)) == [0, 1]
    with pytest.raises(ZeroDivisionError):
        weft.pipeline((1 // n for n in (1, 1, 0)), store, sink).run()
    with suppress(TimeoutError), weft.timeout(0.001):
        weft.pipeline((park() for _ in range(3)), store, sink).run()
    assert log == []


def test_not_even_one_that_swallows_its_cancellation() -> None:
    log = []

    def stubborn(items: Iterator[int]) -> None:
        for _ in range(2):
            try:
                log.extend(items)
                log.append("committed")
            except weft.Cancelled:
                log.append("cancelled")

    with pytest.raises(ZeroDivisionError):
        weft.pipeline((1 // turns(n) for n in (2, 1, 0)), stubborn).run()
    assert log == [0, 1, "cancelled", "cancelled"]


def test_leaving_the_loop_shuts_all_down(settle) -> None:
    kitchen = Kitchen()
    for _ in weft.pipeline(kitchen.bake(), kitchen.eater("A"), double):
        break
    settle()
    assert sorted(kitchen.log) == ["A leaves", "bake closed"]


def test_a_file_that_is_the_source_stays_open(tmp_path, settle) -> None:
    (tmp_path / "lines").write_text("1\n2\n3\n")
    with (tmp_path / "lines").open() as lines:
        first = next(weft.pipeline(lines, limit=1))
        settle()
        assert first == "1\n" and not lines.closed


def test_close_waits_and_may_be_called_again() -> None:
    kitchen = Kitchen()
    results = weft.pipeline(kitchen.bake(), kitchen.eater("A"))
    assert next(results) == 0
    results.close()
    assert sorted(kitchen.log) == ["A leaves", "bake closed"]
    results.close()
    assert list(results) == []


def test_close_before_the_first_result_closes_the_source() -> None:
    inner = weft.pipeline(range(3))
    weft.pipeline(inner, same).close()
    assert list(inner) == []


def test_one_that_is_never_run_warns() -> None:
    """A sink that does nothing, and nobody notices why."""
    with pytest.warns(RuntimeWarning, match=r"test_pipeline.py.* was never run.*run\(\)"):
        weft.pipeline(range(3), sink)


# -- failures --------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_failure_is_raised_as_it_is_and_stops_the_others(place: int) -> None:
    kitchen = Kitchen()

    def fail(items: Iterable[int] = range(9)) -> Iterator[int]:
        for n, item in enumerate(items):
            if n == 2:
                raise OSError("the oven is cold")
            yield item

    parts = [kitchen.eater("A"), kitchen.eater("B"), kitchen.eater("C")]
    if place == 0:
        results = weft.pipeline(fail, *parts)
    else:
        parts[place - 1] = fail
        results = weft.pipeline(kitchen.bake(), *parts)
    with pytest.raises(OSError, match="the oven is cold") as caught:
        results.run()
    assert traceback.extract_tb(caught.tb)[-1].name == "fail"
    assert not hasattr(caught.value, "__notes__")
    assert not any("full" in line for line in kitchen.log)
    assert list(results) == []


def test_results_that_have_arrived_come_before_the_failure() -> None:
    def fail(items: Iterator[int]) -> Iterator[int]:
        yield next(items)
        yield next(items)
        raise OSError("the oven is cold")

    results = weft.pipeline(range(9), fail)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(OSError, match="the oven is cold"):
        next(results)


def test_a_failure_of_one_of_several_stops_its_fellows() -> None:
    def fail(items: Iterator[int]) -> Iterator[int]:
        next(items)
        raise OSError("ate too much")
        yield

    kitchen = Kitchen()
    with pytest.raises(OSError, match="ate too much"):
        weft.pipeline(kitchen.bake(), [kitchen.eater("A"), fail], limit=1).run()
    assert "bake closed" in kitchen.log and "A leaves" in kitchen.log


def test_a_failure_in_cleaning_up_is_raised_if_it_is_the_first_and_noted_if_not() -> None:
    def dirty() -> Iterator[int]:
        try:
            yield from itertools.count()
        finally:
            raise OSError("cannot close the oven")

    with pytest.raises(OSError, match="cannot close the oven"):
        list(weft.pipeline(dirty, lambda items: itertools.islice(items, 2)))

    def fail(items: Iterator[int]) -> Iterator[int]:
        raise ValueError(next(items))
        yield

    with pytest.raises(ValueError, match="0") as caught:
        list(weft.pipeline(dirty, fail))
    [note] = caught.value.__notes__
    assert "dirty" in note and "cannot close the oven" in note


def test_a_failure_nobody_takes_is_logged(caplog: pytest.LogCaptureFixture, settle) -> None:
    def dirty() -> Iterator[int]:
        try:
            yield from itertools.count()
        finally:
            raise OSError("cannot close the oven")

    with caplog.at_level(logging.ERROR, "weft"):
        for _ in weft.pipeline(dirty, same):
            break
        settle()
    [record] = caplog.records
    assert "cannot close the oven" in str(record.exc_info)
    assert "test_pipeline.py" in record.message


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, weft.ChannelClosed, GeneratorExit])
def test_any_exception_comes_out(kind: type[BaseException]) -> None:
    def fail(items: Iterator[int]) -> Iterator[int]:
        next(items)
        raise kind("from a stage")
        yield

    with pytest.raises(kind, match="from a stage"):
        list(weft.pipeline(itertools.count(), fail, same))


def test_a_stop_iteration_does_not_look_like_the_end() -> None:
    def stage(items: Iterator[int]) -> Iterator[int]:
        return next(iter([]))

    with pytest.raises(weft.TaskError, match="raised StopIteration"):
        list(weft.pipeline(range(3), stage))


def test_nothing_of_a_failure_is_left_in_cycles(settle) -> None:
    class Big:
        pass

    def fail(items: Iterator[int]) -> Iterator[int]:
        big = Big()
        watch.append(weakref.ref(big))
        raise OSError("cold")
        yield

    watch: list[weakref.ref] = []
    gc.collect()
    gc.disable()
    try:
        with suppress(OSError):
            list(weft.pipeline(range(9), fail))
        settle()
        assert watch[0]() is None
    finally:
        gc.enable()


# -- cancellation and deadlines --------------------------------------------------------


@pytest.mark.parametrize("blocked", ["source", "stage"])
def test_a_deadline_of_the_reader_ends_all(blocked: str) -> None:
    log = []

    def wait(items: Iterable[int]) -> Iterator[int]:
        try:
            yield from itertools.islice(items, 3)
            park()
        finally:
            log.append("ended")

    parts = [range(9), same, same]
    parts[blocked == "stage"] = partial(wait, range(9)) if blocked == "source" else wait
    found = []
    with pytest.raises(TimeoutError), weft.timeout(0.01):
        found.extend(n for n in weft.pipeline(*parts))
    assert log == ["ended"]
    assert weft.tasks() == [weft.current()]


def test_a_deadline_within_a_stage_is_its_own() -> None:
    def patient(items: Iterator[int]) -> Iterator[object]:
        while True:
            with weft.move_on_after(0.01) as scope:
                yield next(items)
            if scope.expired:
                yield "nothing came"
                return

    def stuck() -> Iterator[int]:
        yield 1
        park()

    with weft.testing.virtual_time():
        assert list(weft.pipeline(stuck, patient)) == [1, "nothing came"]


def test_a_stage_that_somebody_cancels_is_a_failure() -> None:
    def named(name: str) -> weft.Task:
        [task] = [task for task in weft.tasks() if name in task.name]
        return task

    results = weft.pipeline(itertools.count(), double, sink)
    canceller = weft.spawn(lambda: turns(5) and named("double").cancel())
    with pytest.raises(weft.TaskError, match=r"double-.* was cancelled"):
        list(results)
    assert canceller.result() is True


@pytest.mark.parametrize("name", ["range", "double", "sink"])
def test_also_one_that_is_cancelled_before_it_begins(name: str) -> None:
    def cancel() -> None:
        for task in weft.tasks():
            if name in task.name:
                assert task.cancel()

    def run() -> None:
        # Under most schedules the task has begun by then, under some it has not.
        canceller = weft.spawn(cancel)
        with suppress(weft.TaskError):
            weft.pipeline(range(9), double, sink, limit=1).run()
        canceller.join()

    explore(run, RUNS)


# -- nested, threads, contexts ---------------------------------------------------------


def test_a_pipeline_is_a_source_and_is_closed_with_the_outer_one() -> None:
    kitchen = Kitchen()
    inner = weft.pipeline(kitchen.bake(), kitchen.eater("A"), limit=1)
    outer = weft.pipeline(inner, double, lambda items: itertools.islice(items, 3))
    assert list(outer) == [0, 2, 4]
    assert sorted(kitchen.log) == ["A leaves", "bake closed"]
    assert list(inner) == []


def test_a_failure_comes_through_nested_pipelines() -> None:
    inner = weft.pipeline((1 // n for n in (1, 0)), same)
    with pytest.raises(ZeroDivisionError):
        list(weft.pipeline(inner, lambda items: weft.pipeline(items, double)))


def test_results_can_be_taken_in_another_thread() -> None:
    results = weft.pipeline(range(1000), double, limit=3)
    found = [next(results)]
    thread = threading.Thread(target=lambda: found.extend(results))
    thread.start()
    weft.offload(thread.join)
    assert found == [2 * n for n in range(1000)]


def test_threads_have_pipelines_of_their_own() -> None:
    found: list[list[int]] = []

    def run() -> None:
        found.append(list(weft.pipeline(range(500), double, [same, same], sorted, limit=2)))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        weft.offload(thread.join)
    assert found == [list(range(0, 1000, 2))] * 4


def test_a_pipeline_collected_as_garbage_is_cancelled(settle) -> None:
    kitchen = Kitchen()
    results = weft.pipeline(kitchen.bake(), same)
    assert next(results) == 0
    cycle: list[object] = [results]
    cycle.append(cycle)
    del results, cycle
    gc.collect()
    settle()
    assert kitchen.log[-1] == "bake closed"


# -- what is refused -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: weft.pipeline(5, same), "'int' object is not iterable"),
        (lambda: weft.pipeline([1], same(iter([]))), "pass a generator function itself"),
        (lambda: weft.pipeline([1], [same, 5]), "a stage is a function .* got 5"),
        (lambda: weft.pipeline([1], same, limit="3"), "limit is how many items .* got '3'"),
        (lambda: list(weft.pipeline([1], lambda items: 5)), "must yield the items .* got 5"),
        (lambda: list(weft.pipeline(lambda: 5, same)), "must yield the items .* got 5"),
    ],
)
def test_what_cannot_work_is_a_type_error(call, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        call()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: weft.pipeline([1], same, limit=0), "at least 1, got 0"),
        (lambda: weft.pipeline([1], []), "at least one"),
    ],
)
def test_none_at_all_is_a_value_error(call, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call()


# -- under many schedules --------------------------------------------------------------


class Fates:
    """A stage that ends, stops early, fails or waits long; and which of them are running."""

    def __init__(self, failing: bool) -> None:
        self.fates = ["end", "end", "stop", "wait", *["fail"] * failing]
        self.running: list[object] = []

    def __call__(self, items: Iterable[int]) -> Iterator[int]:
        me = object()
        self.running.append(me)
        fate = random.choice(self.fates)
        try:
            for n, item in enumerate(items):
                pause()
                if n == 3 and fate == "stop":
                    return
                if n == 3 and fate == "fail":
                    raise OSError("failed")
                if n == 3 and fate == "wait":
                    weft.sleep(0.02)
                yield item
        finally:
            try:
                weft.checkpoint()
            finally:
                self.running.remove(me)


def pause() -> None:
    if random.random() < 0.3:
        weft.sleep(random.choice([0, 0.001, 0.002]))


@pytest.mark.parametrize("leaving", ["drain", "deadline", "close", "let go"])
def test_any_end_leaves_nothing_behind(leaving: str) -> None:
    def run() -> None:
        part = Fates(failing=leaving == "drain")  # else nobody may take the failure: it is logged
        stages = [random.choice([part, [part, part]]) for _ in range(random.randrange(4))]
        results = weft.pipeline(part(range(12)), *stages, limit=random.choice([1, 2, 5]))
        seconds = random.choice([0.001, 0.005, 0.03]) if leaving == "deadline" else None
        count = 5 if leaving in ("close", "let go") else None
        seen: list[int] = []
        with suppress(OSError, TimeoutError), weft.timeout(seconds):
            seen.extend(itertools.islice(results, count))
        assert len(seen) == len(set(seen))
        if leaving == "let go":
            del results
            weft.sleep(1)
        else:
            results.close()
        assert part.running == []

    explore(run, RUNS)


def test_no_item_is_lost_or_comes_twice() -> None:
    def run() -> None:
        def pausing(items: Iterator[int]) -> Iterator[int]:
            for item in items:
                pause()
                yield item

        stages = [random.choice([pausing, [pausing, pausing]]) for _ in range(3)]
        results = list(weft.pipeline(range(10), *stages, limit=random.choice([1, 3])))
        assert sorted(results) == list(range(10))
        if not any(isinstance(stage, list) for stage in stages):
            assert results == list(range(10))

    explore(run, RUNS)
