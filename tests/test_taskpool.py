"""Pool: never more tasks than places, no place lost, and failures that stop nobody else."""

import logging
import random

import pytest

import weft
from weft import lowlevel

pytestmark = pytest.mark.usefixtures("no_task_is_left")


class Meter:
    """A function that counts how many of its calls run at a time, for ``n`` turns each."""

    def __init__(self) -> None:
        self.running = self.most = 0

    def __call__(self, n: int) -> int:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            for _ in range(n):
                weft.checkpoint()
        finally:
            self.running -= 1
        return n


def park() -> None:
    lowlevel.park("test")


def fail(error: BaseException) -> None:
    raise error


def test_no_more_tasks_than_places_run() -> None:
    meter, pool = Meter(), weft.Pool(3)
    tasks = [pool.spawn(meter, n % 5) for n in range(30)]
    assert pool.join()
    assert [task.result() for task in tasks] == [n % 5 for n in range(30)]
    assert meter.most == 3
    assert pool.tasks == []


def test_spawn_passes_arguments_and_waits_for_a_place() -> None:
    pool = weft.Pool(1)
    first = pool.spawn(park)
    second = weft.spawn(pool.spawn, dict, [("a", 1)], b=2)
    for _ in range(3):
        weft.checkpoint()
    assert second.wait_kind == "semaphore"
    assert repr(pool) == "<weft.Pool of 1, 1 tasks>"
    first.cancel()
    assert second.result().result() == {"a": 1, "b": 2}


def test_a_with_block_waits_for_the_tasks() -> None:
    with weft.Pool(2) as pool:
        tasks = [pool.spawn(Meter(), n) for n in range(6)]
    assert all(task.done for task in tasks)


def test_a_task_may_spawn_into_its_pool_while_the_block_ends() -> None:
    log: list[str] = []
    with weft.Pool(2) as pool:
        pool.spawn(lambda: pool.spawn(log.append, "grandchild"))
    assert log == ["grandchild"]


def test_a_failing_block_cancels_the_tasks() -> None:
    with pytest.raises(KeyError), weft.Pool(2) as pool:
        task = pool.spawn(park)
        weft.checkpoint()
        raise KeyError
    assert task.done
    assert str(task.exception).startswith("the block of the pool ended: KeyError() (by task 'main'")
    assert str(task.exception).endswith(" in test_a_failing_block_cancels_the_tasks)")


def test_a_block_that_is_cancelled_while_it_waits_cancels_the_tasks() -> None:
    with weft.move_on_after(0.001) as limit, weft.Pool(2) as pool:
        task = pool.spawn(park)
    assert limit.expired
    assert task.done


def test_a_failure_stops_no_other_task_and_is_logged(
    caplog: pytest.LogCaptureFixture, settle
) -> None:
    with weft.Pool(2) as pool, caplog.at_level(logging.ERROR, "weft"):
        other = pool.spawn(Meter(), 5)
        pool.spawn(fail, ValueError("nobody asks"))
        asked = pool.spawn(fail, ValueError("asked for"))
        with pytest.raises(ValueError, match="asked for"):
            asked.result()
    assert other.result() == 5
    settle()
    [record] = caplog.records
    assert "nobody asks" in str(record.exc_info)
    assert "test_taskpool.py" in record.message


def test_join_gives_up_after_its_seconds() -> None:
    pool = weft.Pool(2)
    tasks = [pool.spawn(park), pool.spawn(park)]
    assert not pool.join(0.001)
    assert not pool.join(0)
    pool.cancel("enough")
    assert pool.join(60)
    assert pool.join()
    said = str(tasks[0].exception)
    assert said.startswith("enough (by task 'main' at ")
    assert said.endswith(" in test_join_gives_up_after_its_seconds)")  # not in weft's own code


def test_a_pool_goes_on_after_cancel() -> None:
    pool = weft.Pool(1)
    pool.spawn(park)
    pool.cancel()
    assert pool.spawn(abs, -1).result() == 1


def test_a_task_cannot_wait_for_its_own_pool() -> None:
    pool = weft.Pool(1)
    task = pool.spawn(pool.join)
    with pytest.raises(weft.TaskError, match="cannot join itself"):
        task.result()


def test_wrong_use_is_said() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        weft.Pool(0)
    with pytest.raises(TypeError, match=r"size is how many tasks .* got 'two'"):
        weft.Pool("two")
    pool = weft.Pool(1)
    for _ in range(3):
        with pytest.raises(TypeError, match="needs something to call, got 3"):
            pool.spawn(3)
    assert pool.spawn(abs, -1).result() == 1


def test_map_shares_the_places() -> None:
    meter, pool = Meter(), weft.Pool(3)
    tasks = [pool.spawn(meter, 3) for _ in range(2)]
    assert list(pool.map(meter, [3, 1, 2, 0])) == [3, 1, 2, 0]
    assert sorted(pool.map(meter, [3, 1, 2, 0], ordered=False)) == [0, 1, 2, 3]
    assert meter.most == 3
    weft.joinall(tasks)


def test_a_reader_of_map_may_spawn_into_the_pool() -> None:
    """Results that nobody has taken yet hold no place."""
    pool = weft.Pool(2)
    for result in pool.map(Meter(), range(10)):
        assert pool.spawn(abs, -result).result() == result


def test_map_raises_and_returns_errors() -> None:
    pool = weft.Pool(2)
    error = ValueError()
    with pytest.raises(ValueError):
        list(pool.map(fail, [error]))
    assert list(pool.map(fail, [error], errors="return")) == [error]


@pytest.mark.parametrize("seed", range(50))
def test_no_place_is_lost(seed: int) -> None:
    """Places come back from tasks that return, fail, are cancelled, or never start."""
    chance, meter, pool = random.Random(seed), Meter(), weft.Pool(4)
    spawners = [weft.spawn(pool.spawn, meter, chance.randint(0, 4)) for _ in range(40)]
    while not all(spawner.done for spawner in spawners):
        for task in chance.sample(weft.tasks()[1:], 1):
            if not task.name.startswith("weft-"):
                task.cancel()
        weft.checkpoint()
    pool.join()
    assert meter.running == 0
    assert meter.most <= 4
    for _ in range(4):
        pool.spawn(park)
    with weft.move_on_after(0) as full:
        pool.spawn(park)
    assert full.expired
    pool.cancel()
    assert pool.join()
