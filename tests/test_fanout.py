"""map: results in order, bounded work, and nothing left behind."""

import gc
import itertools
import random
import traceback
import weakref
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from weft import lowlevel

pytestmark = pytest.mark.usefixtures("no_task_is_left")


def turns(n: int) -> int:
    """Take ``n`` turns, and say so."""
    for _ in range(n):
        weft.checkpoint()
    return n


def park() -> None:
    lowlevel.park("test")


def fail(error: BaseException) -> None:
    weft.checkpoint()
    raise error


class Calls:
    """A function for map that counts how many calls run, and parks in each until let go."""

    def __init__(self) -> None:
        self.started: list[int] = []
        self.ended: list[int] = []
        self.cancelled: list[int] = []

    def __call__(self, n: int) -> int:
        self.started.append(n)
        try:
            if n < 0:
                park()
            weft.checkpoint()
        except weft.Cancelled:
            self.cancelled.append(n)
            raise
        finally:
            self.ended.append(n)
        return n


# -- map: results ----------------------------------------------------------------------


def test_results_come_in_the_order_of_the_items() -> None:
    assert list(weft.map(turns, [3, 1, 2, 0])) == [3, 1, 2, 0]


def test_unordered_results_come_as_they_finish() -> None:
    assert list(weft.map(turns, [3, 1, 2, 0], ordered=False)) == [0, 1, 2, 3]


@given(
    items=st.lists(st.integers(0, 4), max_size=40),
    limit=st.integers(1, 9),
    ordered=st.booleans(),
    pauses=st.lists(st.integers(0, 3), max_size=40),
)
def test_map_gives_what_the_builtin_gives(items, limit, ordered, pauses) -> None:
    found = []
    pause = itertools.chain(pauses, itertools.repeat(0))
    for result in weft.map(turns, iter(items), limit, ordered):
        found.append(result)
        turns(next(pause))
    if not ordered:
        found, items = sorted(found), sorted(items)
    assert found == items


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("kind", [dict.fromkeys, set, str, tuple, iter])
def test_any_iterable_will_do(kind, ordered: bool) -> None:
    assert sorted(weft.map(str.upper, kind("ab"), ordered=ordered)) == ["A", "B"]


def test_no_items_no_results() -> None:
    results = weft.map(turns, [])
    assert list(results) == []
    assert next(results, "over") == "over"


def test_nothing_starts_before_the_first_result_is_asked_for() -> None:
    calls = Calls()
    taken = []
    results = weft.map(calls, (taken.append(n) or n for n in range(3)))
    turns(5)
    assert taken == calls.started == []
    assert next(results) == 0
    assert calls.started == taken == [0, 1, 2]


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_endless_items_are_taken_as_far_as_the_limit(limit: int, ordered: bool) -> None:
    calls = Calls()
    results = weft.map(calls, itertools.count(), limit, ordered)
    for taken in range(1, 50):
        assert next(results) == taken - 1
        turns(3)
        assert len(calls.started) == taken + limit
    results.close()


def test_one_slow_call_holds_back_no_more_than_the_limit() -> None:
    """Ordered: what has finished behind it counts as in flight."""
    calls = Calls()
    results = weft.map(calls, [-1, *range(100)], limit=10)
    with weft.move_on_after(0.005):
        next(results)
    assert calls.started == [-1, *range(9)]
    assert calls.cancelled == [-1]


def test_items_that_park_hold_no_result_back() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        park()

    results = weft.map(turns, items())
    assert [next(results), next(results)] == [1, 2]
    results.close()


def test_maps_nest_into_a_pipeline() -> None:
    doubled = weft.map(lambda n: 2 * n, itertools.count(), limit=3)
    numbers = weft.map(lambda n: (turns(n % 3) and n) or n, doubled, limit=2)
    assert list(itertools.islice(numbers, 10)) == list(range(0, 20, 2))
    numbers.close()
    del numbers, doubled


# -- map: failures -----------------------------------------------------------------------


def broken(n: int) -> int:
    turns(n % 3)
    if n in (5, 6):
        raise ValueError(n)
    return n


def test_a_failure_is_raised_as_it_is_in_its_place() -> None:
    results = weft.map(broken, itertools.count(), limit=20)
    assert list(itertools.islice(results, 5)) == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="5") as e:
        next(results)
    assert traceback.extract_tb(e.value.__traceback__)[-1].name == "broken"
    assert next(results, "over") == "over"


def test_a_failure_stops_at_once_what_nobody_will_see() -> None:
    calls = Calls()

    def call(n: int) -> int:
        return fail(ValueError("third")) if n == 2 else calls(n)

    results = weft.map(call, [0, -1, 2, -3, -4, *range(5, 100)], limit=5)
    assert next(results) == 0
    reader = weft.spawn(next, results)
    turns(5)
    assert calls.cancelled == [-3, -4]
    assert reader.wait_kind == "result"
    # What is before it in order may go on.
    assert not reader.done
    reader.cancel()
    reader.join()
    assert calls.cancelled == [-3, -4, -1]
    assert calls.started == [0, -1, -3, -4]


def test_other_failures_stand_in_its_notes() -> None:
    thunks = [ValueError(n) for n in range(13)]
    with pytest.raises(ValueError, match="0") as e:
        list(weft.map(fail, thunks, ordered=False))
    notes = e.value.__notes__
    assert len(notes) == 11
    assert notes[0].startswith("also failed: task 'fail-")
    assert notes[0].endswith("': ValueError(1)")
    assert notes[-1] == "also failed: 2 more tasks"


def test_returned_errors_stand_in_place_of_results() -> None:
    found = list(weft.map(broken, range(8), errors="return"))
    assert [repr(each) for each in found] == (
        ["0", "1", "2", "3", "4", "ValueError(5)", "ValueError(6)", "7"]
    )


def test_a_cancelled_call_is_an_error_and_no_cancellation_of_the_reader() -> None:
    def cancelled(n: int) -> int:
        weft.current().cancel("not today")
        return turns(n)

    with pytest.raises(weft.TaskError, match="was cancelled, so it has no result") as e:
        list(weft.map(cancelled, [1]))
    assert "not today" in str(e.value.__cause__)
    [found] = weft.map(cancelled, [1], errors="return")
    assert isinstance(found, weft.TaskError)


def test_a_call_cancelled_before_it_starts_is_not_waited_for_in_vain() -> None:
    results = weft.map(turns, range(10), limit=4, errors="return")
    reader = weft.spawn(list, results)
    while not (new := [task for task in weft.tasks() if task.name.startswith("turns")]):
        weft.checkpoint()
    assert [task.state for task in new] == ["new"] * 4
    for task in new:
        task.cancel()
    found = reader.result()
    assert [type(each) for each in found] == [weft.TaskError] * 4 + [int] * 6


def test_stop_iteration_of_a_call_does_not_end_the_loop() -> None:
    with pytest.raises(weft.TaskError, match="raised StopIteration"):
        list(weft.map(next, [iter(())]))


@pytest.mark.parametrize("errors", ["raise", "return"])
def test_what_ends_the_program_is_raised_and_not_returned(errors) -> None:
    with pytest.raises(SystemExit):
        list(weft.map(fail, [SystemExit(3)], errors=errors))


@pytest.mark.parametrize("ordered", [True, False])
def test_an_error_of_the_items_comes_after_the_results_before_it(ordered: bool) -> None:
    def items() -> Iterator[int]:
        yield 2
        yield 1
        raise OSError("no more lines")

    found = []
    with pytest.raises(OSError, match="no more lines"):
        found.extend(weft.map(turns, items(), ordered=ordered, errors="return"))
    results = weft.map(turns, items(), ordered=ordered)
    found = sorted([next(results), next(results)])
    with pytest.raises(OSError, match="no more lines"):
        next(results)
    assert found == [1, 2]
    assert list(results) == []


def test_wrong_use_is_said_at_once() -> None:
    with pytest.raises(TypeError, match="a function to call with each item, got 3"):
        weft.map(3, [])
    with pytest.raises(TypeError, match="not iterable"):
        weft.map(turns, 3)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        weft.map(turns, [], limit=0)
    with pytest.raises(TypeError, match=r"limit is how many .* got 2\.5"):
        weft.map(turns, [], limit=2.5)
    with pytest.raises(TypeError, match=r"limit is how many .* got None"):
        weft.map(turns, [], limit=None)
    with pytest.raises(TypeError, match=r"limit is how many .* got \[3, 4\]"):
        weft.map(pow, [1, 2], [3, 4])  # as the builtin would take them
    with pytest.raises(ValueError, match="'raise' or 'return', got 'ignore'"):
        weft.map(turns, [], errors="ignore")


def test_two_tasks_cannot_take_results_at_a_time() -> None:
    results = weft.map(Calls(), [-1, -2])
    reader = weft.spawn(next, results)
    turns(3)
    with pytest.raises(weft.TaskError, match=r"another task takes results of map at .*test_fan"):
        next(results)
    assert reader.wait_kind == "result"
    results.close()
    reader.join()
    assert isinstance(reader.exception, StopIteration)


# -- map: the end ------------------------------------------------------------------------


@pytest.mark.parametrize("ordered", [True, False])
def test_leaving_the_loop_cancels_what_is_in_flight(ordered: bool) -> None:
    calls = Calls()
    for _ in weft.map(calls, itertools.chain([1], itertools.repeat(-1)), 10, ordered):
        turns(3)
        break
    turns(3)
    assert calls.cancelled == [-1] * 10
    assert sorted(calls.ended) == sorted(calls.started)


def test_an_error_in_the_loop_cancels_what_is_in_flight() -> None:
    calls = Calls()
    with pytest.raises(KeyError):
        for _ in weft.map(calls, [1, -1, -2]):
            raise KeyError
    turns(3)
    assert calls.cancelled == [-1, -2]


def test_closing_waits_for_what_it_cancels() -> None:
    calls = Calls()
    ended: list[int] = []

    def call(n: int) -> int:
        try:
            return calls(n)
        finally:
            if n < 0:
                turns(5)
                ended.append(n)

    results = weft.map(call, [1, -1, -2])
    assert next(results) == 1
    results.close()
    assert ended == [-1, -2]
    assert list(results) == []
    results.close()


def test_closing_before_the_start_takes_no_item() -> None:
    taken: list[int] = []
    results = weft.map(turns, (taken.append(n) or n for n in range(3)))
    results.close()
    assert list(results) == taken == []


def test_a_map_in_a_reference_cycle_is_cancelled_by_the_collector() -> None:
    """gevent#1957: a finalizer must not park."""
    calls = Calls()
    results = weft.map(calls, [1, -1])
    assert next(results) == 1
    cycle = [results]
    cycle.append(cycle)
    watch = weakref.ref(results)
    del results, cycle
    gc.collect()
    assert watch() is None
    turns(3)
    assert calls.cancelled == [-1]


def test_the_generator_of_a_map_that_is_left_is_closed_where_it_may_park(settle) -> None:
    log: list[str] = []

    def items() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            turns(2)
            log.append("closed")

    for _ in weft.map(turns, items(), limit=2):
        break
    settle()
    assert log == ["closed"]


def test_a_failure_nobody_takes_is_logged(caplog: pytest.LogCaptureFixture, settle) -> None:
    def call(n: int) -> int:
        if n == 0:
            return n
        try:
            park()
        except weft.Cancelled:
            raise OSError("cannot say goodbye") from None

    for _ in weft.map(call, [0, 1]):
        break
    settle()
    [record] = caplog.records
    assert "nobody asked for its result" in record.message
    assert "test_fanout.py" in record.message
    assert "cannot say goodbye" in str(record.exc_info)


def test_a_cancelled_reader_cancels_the_calls_and_waits_for_them() -> None:
    calls = Calls()
    with weft.move_on_after(0.001) as limit:
        list(weft.map(calls, [-1, -2]))
    assert limit.expired
    assert calls.ended == calls.cancelled == [-1, -2]


def test_map_in_a_group_that_fails() -> None:
    calls = Calls()
    with pytest.raises(ExceptionGroup), weft.group() as g:
        g.spawn(list, weft.map(calls, [-1, -2]))
        turns(3)
        raise ValueError
    assert calls.ended == [-1, -2]


@pytest.mark.parametrize("seed", range(300))
def test_random_ends_leave_nothing(seed: int) -> None:
    chance = random.Random(seed)
    limit, ordered = chance.randint(1, 8), chance.random() < 0.5
    end, errors = chance.randint(0, 20), chance.choice(["raise", "return"])

    bad = chance.randint(0, 60)

    def call(n: int) -> int:
        turns(n % 4)
        return 1 // (n - bad) and n

    results = weft.map(call, range(chance.randint(0, 40)), limit, ordered, errors=errors)
    reader = weft.spawn(lambda r=results, end=end: list(itertools.islice(r, end)))
    del results
    turns(chance.randint(0, 20))
    if chance.random() < 0.5:
        reader.cancel()
    reader.join()
    assert not isinstance(reader.exception, weft.TaskError)
