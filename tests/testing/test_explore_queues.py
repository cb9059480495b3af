"""Queues, channels and choose under seeded schedules: no item lost or doubled, nobody overtakes.

A thousand schedules each; ``WEFT_HAMMER=full`` tries a hundred thousand.
"""

import os
import random
from collections.abc import Callable
from contextlib import nullcontext
from queue import Empty, Full

import pytest

import weft
from weft.testing import explore, schedule

RUNS = 100_000 if os.environ.get("WEFT_HAMMER") == "full" else 1000

Item = tuple[int, int]
LATE = (Empty, Full, TimeoutError, weft.Cancelled)
OVER = (weft.ShutDown, weft.ChannelClosed)


class Traffic:
    """Tasks that put and get, lose patience and cancel one another, until the end is closed."""

    PUTTERS, GETTERS, EACH = 3, 3, 3

    def __init__(self, put: Callable[..., object], get: Callable[..., Item]) -> None:
        self.put, self.get = put, get
        self.calm = False
        self.sent: list[Item] = []
        self.got: list[list[Item]] = [[] for _ in range(self.GETTERS)]
        self.putters = [weft.spawn(self.send, number) for number in range(self.PUTTERS)]
        self.getters = [weft.spawn(self.receive, seen) for seen in self.got]

    def send(self, number: int) -> None:
        for index in range(self.EACH):
            try:
                with weft.move_on_after(0.0015) if random.random() < 0.5 else nullcontext():
                    self.put((number, index), self.patience())
                    self.sent.append((number, index))
            except LATE:
                pass
            except OVER:
                return

    def receive(self, seen: list[Item]) -> None:
        while True:
            try:
                seen.append(self.get(self.patience()))
            except LATE:
                # In virtual time only a task that sleeps lets a deadline come.
                weft.sleep(0.0005) if random.random() < 0.5 else None
            except OVER:
                return

    def patience(self) -> float | None:
        """How many seconds to wait; for ever once it is calm: who is not woken then is stuck."""
        return None if self.calm else random.choice([None, None, 0, 0.001, 0.002])

    def disturb(self, acts: int) -> None:
        """Cancel some, but leave one getter, so that the putters come to an end."""
        for _ in range(acts):
            random.choice(self.putters + self.getters[1:]).cancel()
            weft.sleep(random.choice([0, 0, 0.0005]))

    def finish(self, close: Callable[[], object]) -> None:
        self.calm = True
        weft.joinall(self.putters)
        close()
        weft.joinall(self.getters)

    def check(self, left: tuple[Item, ...] = (), in_order: bool = True) -> None:
        """Whatever was sent came once, or is left."""
        every = [item for seen in self.got for item in seen]
        assert sorted([*every, *left]) == sorted(self.sent)
        for seen in self.got if in_order else ():
            for number in range(self.PUTTERS):
                own = [index for n, index in seen if n == number]
                assert own == sorted(own)


def idle(*parts) -> None:
    """Nobody waits for any of these any more."""
    for part in parts:
        found = part.statistics()
        waiting = ("getting", "putting", "joining", "sending", "receiving")
        assert not any(found.get(name) for name in waiting), found


KINDS = [
    (weft.Queue, 0),
    (weft.Queue, 1),
    (weft.LifoQueue, 2),
    (weft.PriorityQueue, 1),
]


@pytest.mark.parametrize(("kind", "maxsize"), KINDS)
def test_a_queue_loses_and_doubles_nothing(kind, maxsize) -> None:
    def run() -> None:
        queue = kind(maxsize)
        traffic = Traffic(
            lambda item, seconds: queue.put(item, timeout=seconds),
            lambda seconds: queue.get(timeout=seconds),
        )
        traffic.disturb(4)
        traffic.finish(queue.shutdown)
        traffic.check(in_order=kind is weft.Queue)
        idle(queue)
        assert queue.empty() and queue.unfinished_tasks == len(traffic.sent)

    explore(run, RUNS)


@pytest.mark.parametrize(("kind", "maxsize"), KINDS)
def test_a_shutdown_at_any_time_leaves_nobody_waiting(kind, maxsize) -> None:
    def run() -> None:
        queue = kind(maxsize)
        traffic = Traffic(
            lambda item, seconds: queue.put(item, timeout=seconds),
            lambda seconds: queue.get(timeout=seconds),
        )
        traffic.disturb(random.randrange(4))
        immediate = random.random() < 0.5
        queue.shutdown(immediate)
        weft.joinall(traffic.putters + traffic.getters)
        got = {item for seen in traffic.got for item in seen}
        dropped = [item for item in traffic.sent if item not in got]
        traffic.check(dropped, in_order=kind is weft.Queue)
        assert immediate or not dropped
        assert queue.unfinished_tasks == len(got)
        idle(queue)

    explore(run, RUNS)


@pytest.mark.parametrize("size", [0, 1])
def test_a_channel_loses_and_doubles_nothing(size) -> None:
    def run() -> None:
        tx, rx = weft.channel(size)
        traffic = Traffic(tx.send, rx.receive)
        traffic.disturb(4)
        traffic.finish(tx.close)
        traffic.check()
        idle(tx)

    explore(run, RUNS)


@pytest.mark.parametrize("size", [0, 1])
def test_closing_either_end_at_any_time_leaves_nobody_waiting(size) -> None:
    def run() -> None:
        tx, rx = weft.channel(size)
        traffic = Traffic(tx.send, rx.receive)
        traffic.disturb(random.randrange(4))
        end = random.choice([tx, rx])
        end.close()
        weft.joinall(traffic.putters + traffic.getters)
        got = {item for seen in traffic.got for item in seen}
        dropped = [item for item in traffic.sent if item not in got]
        traffic.check(dropped)
        assert len(dropped) <= (size if end is rx else 0)
        idle(tx)

    explore(run, RUNS)


def test_choose_does_exactly_one() -> None:
    def run() -> None:
        (tx, rx), (other_tx, other_rx) = weft.channel(), weft.channel(1)
        queue, never = weft.Queue(1), weft.Event()

        def put(item: Item, seconds: float | None) -> None:
            cases = [tx.sending(item), other_tx.sending(item), queue.putting(item), never]
            random.shuffle(cases)
            weft.choose(*cases, seconds=seconds)

        def get(seconds: float | None) -> Item:
            cases = [rx, other_rx, queue, never]
            random.shuffle(cases)
            return weft.choose(*cases, seconds=seconds)[1]

        traffic = Traffic(put, get)
        traffic.disturb(4)
        traffic.calm = True
        weft.joinall(traffic.putters)
        # Its items may lie in a buffer: closed, it would be picked before they are out.
        while other_rx.statistics()["items"] or queue.qsize():
            weft.sleep(0.001)
        tx.close()
        weft.joinall(traffic.getters)
        traffic.check(in_order=False)
        idle(tx, other_tx, queue)

    explore(run, RUNS)


def test_the_seed_decides_what_is_chosen() -> None:
    def chosen(seed: int) -> list[object]:
        queues = [weft.Queue() for _ in range(3)]
        for queue in queues:
            for _ in range(20):
                queue.put(None)
        with schedule(seed):
            return [queues.index(weft.choose(*queues)[0]) for _ in range(20)]

    assert chosen(1) == chosen(1)
    assert chosen(1) != chosen(2)


@pytest.mark.parametrize("kind", [weft.Queue, weft.PriorityQueue])
def test_waiting_getters_are_served_in_the_order_they_came(kind) -> None:
    def run() -> None:
        queue = kind()
        line: list[weft.Task] = []
        for number in range(12):
            act = random.choice(["come", "come", "leave", "serve"])
            if act == "come":
                line.append(weft.spawn(queue.get))
                while line[-1].wait_kind != "queue get":
                    weft.checkpoint()
            elif act == "leave" and line:
                line.pop(random.randrange(len(line))).cancel()
            elif act == "serve" and line:
                queue.put_nowait(number)
                assert line.pop(0).result() == number
        for task in line:
            task.cancel()
        weft.joinall(line)
        idle(queue)

    explore(run, RUNS)


def test_waiting_putters_are_served_in_the_order_they_came() -> None:
    def run() -> None:
        queue = weft.Queue(1)
        queue.put("first")
        wanted: list[object] = ["first"]
        line: list[weft.Task] = []
        for number in range(12):
            act = random.choice(["come", "come", "leave", "serve"])
            if act == "come":
                wanted.append(number)
                line.append(weft.spawn(queue.put, number))
                while line[-1].wait_kind != "queue put":
                    weft.checkpoint()
            elif act == "leave" and line:
                place = random.randrange(len(line))
                line.pop(place).cancel()
                del wanted[place + 1]
            elif act == "serve" and line:
                assert queue.get() == wanted.pop(0)
                line.pop(0).join()
        while wanted:
            assert queue.get() == wanted.pop(0)
        weft.joinall(line)
        idle(queue)

    explore(run, RUNS)


def test_join_returns_when_all_is_done() -> None:
    def run() -> None:
        queue = weft.Queue(2)
        left = [6]

        def work() -> None:
            for _ in queue:
                weft.sleep(random.choice([0, 0.001]))
                left[0] -= 1
                queue.task_done()

        workers = [weft.spawn(work) for _ in range(2)]
        for number in range(6):
            queue.put(number)
        queue.join()
        assert left == [0]
        queue.shutdown()
        weft.joinall(workers)
        idle(queue)

    explore(run, RUNS)
