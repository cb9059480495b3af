"""Crew: tasks are taken as they end, in any thread, whatever they end with."""

import gc
import sys
from collections.abc import Iterator
from threading import Thread as OSThread

import pytest

import weft
from weft import lowlevel
from weft._core._crew import Crew
from weft._core._semaphore import Semaphore

PLACE = (compile("", "app.py", "exec"), 0)


@pytest.fixture
def threads_alternate() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.00001)
    yield
    sys.setswitchinterval(interval)


def park() -> None:
    lowlevel.park("test")


def taken(crew: Crew) -> list:
    return list(iter(crew.take, None))


def test_tasks_are_taken_in_the_order_they_end() -> None:
    crew = Crew("map", PLACE)
    later = crew.spawn(PLACE, weft.checkpoint)
    first = crew.spawn(PLACE, dict, ([("a", 1)],), {"b": 2})
    assert crew.tasks == crew.holders() == [later, first]
    assert crew.oldest() is later
    assert taken(crew) == [first, later]
    assert first.result() == {"a": 1, "b": 2}
    assert crew.oldest() is None
    assert first.spawn_place.startswith("app.py:")


def test_a_crew_says_what_it_is() -> None:
    crew = Crew("map", PLACE)
    assert repr(crew) == "<map at app.py:1 in <module>: 0 tasks>"


def test_cancel_asks_each_task_once() -> None:
    asked: list[str] = []

    def stubborn() -> None:
        for _ in range(2):
            try:
                weft.sleep(1e-4)
            except weft.Cancelled as exc:
                asked.append(str(exc))

    crew = Crew("map", PLACE)
    one, two = crew.spawn(PLACE, stubborn), crew.spawn(PLACE, stubborn)
    weft.checkpoint()
    crew.cancel("a reason", [two])
    crew.cancel("another")
    crew.cancel("a third")
    assert set(taken(crew)) == {one, two}
    assert asked == ["map at app.py:1 in <module>: a reason"] * 2
    with pytest.raises(weft.Cancelled, match="a reason"):
        crew.spawn(PLACE, stubborn)


def test_a_cancelled_take_takes_nothing() -> None:
    crew = Crew("map", PLACE)
    task = crew.spawn(PLACE, weft.checkpoint)
    taker = weft.spawn(crew.take)
    weft.checkpoint()
    taker.cancel()
    weft.joinall([task, taker])
    assert isinstance(taker.exception, weft.Cancelled)
    assert taken(crew) == [task]


def test_only_one_waits() -> None:
    crew = Crew("map", PLACE)
    task = crew.spawn(PLACE, park)
    taker = weft.spawn(crew.take)
    weft.checkpoint()
    weft.checkpoint()
    with pytest.raises(weft.TaskError, match=r"another task takes results of map at app.py:1"):
        crew.take()
    task.cancel()
    assert taker.result() is task


def test_a_pool_gets_a_place_back_for_each_task_whatever_it_ends_with() -> None:
    places = Semaphore(0)
    crew = Crew("pool", PLACE, places)
    tasks = [crew.spawn(PLACE, fn) for fn in (int, park, park, lambda: 1 / 0)]
    tasks[1].cancel()
    weft.checkpoint()
    tasks[2].cancel()
    weft.joinall(tasks)
    assert places.statistics()["value"] == 4
    assert isinstance(tasks[3].exception, ZeroDivisionError)


def test_a_crew_that_is_abandoned_in_a_collection_parks_nobody() -> None:
    class Holder:
        def __init__(self) -> None:
            self.crew = Crew("map", PLACE)
            self.crew.spawn(PLACE, park)
            self.me = self

        def __del__(self) -> None:
            self.crew.abandon("nobody is left")

    Holder()
    weft.checkpoint()
    gc.collect()


def test_what_ends_in_other_threads_is_taken_here(threads_alternate, hammer) -> None:
    """Tasks of eight OS threads, taken by one task: each once, none missed."""
    crew, rounds, threads = Crew("map", PLACE), hammer(2000), 8
    release = weft.Event()

    def work(number: int) -> None:
        tasks = []
        for n in range(rounds):
            tasks.append(crew.spawn(PLACE, lambda n=n: number * rounds + n))
            if n % 7 == 0:
                weft.checkpoint()
        weft.joinall(tasks)

    guard = crew.spawn(PLACE, release.wait)
    pool = [OSThread(target=work, args=(number,)) for number in range(threads)]
    for thread in pool:
        thread.start()
    seen = [crew.take().result() for _ in range(threads * rounds)]
    for thread in pool:
        thread.join()
    assert sorted(seen) == list(range(threads * rounds))
    release.set()
    assert taken(crew) == [guard]


@pytest.mark.leaves_tasks
def test_the_tasks_of_a_thread_that_ends_are_not_waited_for(in_thread, caplog) -> None:
    crew = Crew("map", PLACE)

    def spawn() -> None:
        crew.spawn(PLACE, park)
        weft.checkpoint()

    in_thread(spawn)
    [task] = taken(crew)
    with pytest.raises(weft.TaskError, match="never ends"):
        task.result()
