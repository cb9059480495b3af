"""schedule: the same seed, the same order, whatever else differs."""

import gc
import json
import random
import time

import pytest

import weft
import weft.queue
import weft.threading
from weft.testing import schedule, virtual_time

PROGRAM = """
import json, random, time
import weft, weft.queue, weft.threading

def trace():
    seen = []
    lock = weft.threading.Lock()
    condition = weft.threading.Condition()
    pages = weft.queue.Queue(2)

    def worker(name):
        for step in range(4):
            with lock:
                seen.append((name, step))
            try:
                with weft.timeout(random.choice([0.1, 0.2, 1])):
                    weft.sleep(random.choice([0, 0.1, 0.2]))
                    pages.put(name)
            except TimeoutError as late:
                seen.append((name, str(late)[:12], time.monotonic()))
            with condition:
                condition.notify()

    def reader():
        while True:
            with condition:
                condition.wait(0.3)
            try:
                page = pages.get(timeout=2)
            except weft.queue.Empty:
                return
            seen.append((page, weft.now(), time.time()))

    weft.joinall([*(weft.spawn(worker, n) for n in range(4)), weft.spawn(reader)])
    return seen
"""
exec(PROGRAM)


def traced(seed: int) -> list[object]:
    with schedule(seed):
        return trace()  # noqa: F821 - of PROGRAM


def test_the_same_seed_gives_the_same_order() -> None:
    for seed in range(20):
        first = traced(seed)
        weft.sleep(0.0001)
        garbage = [object() for _ in range(seed * 100)]
        assert traced(seed) == first
        del garbage


def test_seeds_differ() -> None:
    traces = {json.dumps(traced(seed)) for seed in range(50)}
    assert len(traces) == 50


def test_another_process_gives_the_same_order(run_python) -> None:
    """Whatever its addresses, its hash seed, its time, and what ran in it before."""
    show = (
        f"{PROGRAM}\nimport sys\nfrom weft.testing import schedule\n"
        "weft.sleep(float(sys.argv[1]))\n"
        "def traced(seed):\n    with schedule(seed):\n        return trace()\n"
        "print(json.dumps([traced(seed) for seed in range(10)]))\n"
    )
    shown = [
        run_python("-c", show, word, env={"PYTHONHASHSEED": word, "PYTHONPATH": ":".join(PATHS)})
        for word in ("0", "1")
    ]
    assert [done.stderr for done in shown] == ["", ""]
    assert shown[0].stdout == shown[1].stdout
    assert json.loads(shown[0].stdout) == json.loads(
        json.dumps([traced(seed) for seed in range(10)])
    )


PATHS = __import__("sys").path


def test_its_clock_starts_at_the_same_time() -> None:
    for _ in range(2):
        with schedule(3) as clock:
            assert clock.now() == time.monotonic() == 100_000
            assert time.gmtime(time.time())[:6] == (2000, 1, 1, 0, 0, 0)


def test_a_busy_task_may_lose_its_turn_at_every_operation() -> None:
    """Also at those that succeed at once."""

    def interleaved(seed: int) -> bool:
        seen: list[int] = []
        lock = weft.threading.Lock()

        def worker(name: int) -> None:
            for _ in range(3):
                with lock:
                    pass
                seen.append(name)

        with schedule(seed):
            weft.joinall([weft.spawn(worker, n) for n in range(2)])
        return seen not in ([0, 0, 0, 1, 1, 1], [1, 1, 1, 0, 0, 0])

    assert sum(interleaved(seed) for seed in range(100)) > 30


def test_every_order_comes_up() -> None:
    def order(seed: int) -> tuple[int, ...]:
        seen: list[int] = []
        with schedule(seed):
            weft.joinall([weft.spawn(seen.append, n) for n in range(4)])
        return tuple(seen)

    assert len({order(seed) for seed in range(300)}) == 24


def test_random_is_seeded_and_put_back() -> None:
    def numbers() -> list[float]:
        with schedule(7):
            return [random.random() for _ in range(3)]

    random.seed(1)
    first = random.random()
    random.seed(1)
    assert numbers() == numbers()
    assert random.random() == first


def test_no_garbage_is_collected_meanwhile() -> None:
    with schedule(1):
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_does_not_nest() -> None:
    with schedule(1):
        for other in (schedule(2), virtual_time()):
            with pytest.raises(weft.TaskError, match="do not nest"), other:
                pass


@pytest.mark.parametrize("seed", [0, -1, 2**64 + 5, 2**63])
def test_any_integer_is_a_seed(seed: int) -> None:
    assert traced(seed) == traced(seed)


def test_a_seed_is_an_integer() -> None:
    with pytest.raises(TypeError), schedule("7"):  # type: ignore[arg-type]
        pass
