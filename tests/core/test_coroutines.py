"""What CPython keeps of coroutines by OS thread is each task's own."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Iterator

import pytest

import weft


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    assert sys.get_asyncgen_hooks() == (None, None)
    assert sys.get_coroutine_origin_tracking_depth() == 0
    assert asyncio._get_running_loop() is None


def test_a_sibling_sees_no_running_loop() -> None:
    seen: list[object] = []

    async def main() -> None:
        sibling = weft.spawn(lambda: seen.append(asyncio._get_running_loop()))
        weft.checkpoint()
        assert sibling.done
        seen.append(asyncio.get_running_loop() is loop)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.close()
    assert seen == [None, True]


def test_a_running_loop_does_not_hinder_another_in_a_second_task() -> None:
    def run(number: int) -> int:
        async def main() -> int:
            own = asyncio.get_running_loop()
            for _ in range(3):
                weft.checkpoint()
                assert asyncio.get_running_loop() is own
                await asyncio.sleep(0)
            assert asyncio.current_task() is not None
            return number

        return asyncio.run(main())

    tasks = [weft.spawn(run, number) for number in range(5)]
    assert [task.result() for task in tasks] == [0, 1, 2, 3, 4]


def test_hooks_and_depth_are_the_tasks_own() -> None:
    def work(depth: int) -> None:
        def first(generator: AsyncGenerator[object]) -> None:
            raise NotImplementedError

        assert sys.get_asyncgen_hooks() == (None, None)
        sys.set_asyncgen_hooks(firstiter=first)
        sys.set_coroutine_origin_tracking_depth(depth)
        weft.checkpoint()
        assert sys.get_asyncgen_hooks() == (first, None)
        assert sys.get_coroutine_origin_tracking_depth() == depth
        sys.set_asyncgen_hooks(None, None)
        weft.checkpoint()
        assert sys.get_coroutine_origin_tracking_depth() == depth

    for task in [weft.spawn(work, depth) for depth in range(1, 4)]:
        task.result()


def test_what_a_task_leaves_set_ends_with_it() -> None:
    def work() -> None:
        sys.set_asyncgen_hooks(finalizer=print)
        sys.set_coroutine_origin_tracking_depth(2)
        weft.checkpoint()

    weft.spawn(work).result()
    assert sys.get_asyncgen_hooks() == (None, None)
    weft.spawn(test_hooks_and_depth_are_the_tasks_own).result()


def test_a_wait_that_ends_in_an_exception_gives_them_back() -> None:
    def work() -> object:
        sys.set_asyncgen_hooks(finalizer=print)
        try:
            weft.sleep(60)
        except weft.Cancelled:
            return sys.get_asyncgen_hooks().finalizer
        return None

    task = weft.spawn(work)
    weft.checkpoint()
    task.cancel()
    assert task.result() is print


def test_a_generator_is_finalized_by_the_loop_that_iterated_it() -> None:
    closed_in: list[bool] = []

    def run() -> None:
        async def numbers() -> AsyncGenerator[int]:
            try:
                yield 1
            finally:
                await asyncio.sleep(0)
                closed_in.append(asyncio.get_running_loop() is loop)

        async def main() -> None:
            async for _ in numbers():
                weft.checkpoint()
                break
            weft.checkpoint()

        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    for task in [weft.spawn(run), weft.spawn(run)]:
        task.result()
    assert closed_in == [True, True]


def test_a_task_cancelled_for_good_takes_its_loop_along() -> None:
    async def main() -> None:
        weft.sleep(60)

    task = weft.spawn(asyncio.run, main())
    weft.checkpoint()
    task.cancel()
    with pytest.raises(weft.Cancelled):
        task.result()
    assert asyncio._get_running_loop() is None
