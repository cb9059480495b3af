"""Pools of resources written as libraries write theirs lose no slot to timeouts and cancellations.

gevent#1875, urllib3#805, mongo-python-driver#633: each lost slots when a timeout struck in the
wrong place. Here 10,000 of them strike each pool, at seeded random places, on the locks and
queues of weft.threading and weft.queue; a patched program has the same.
"""

import random
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

import weft
import weft.threading
from weft.queue import Empty, Full, LifoQueue
from weft.testing import schedule

SIZES = 4  # pools of 1 to so many
CROWDS, BORROWERS = 20, 20
STRIKES = 10_000


class Exhausted(Exception):
    """No resource became free in time."""


class Resource:
    """Stands for a connection. Whoever has it has it alone."""

    def __init__(self) -> None:
        self.user: weft.Task | None = None

    def use(self, seconds: float) -> None:
        assert self.user is None, f"{self.user!r} was given it too"
        self.user = weft.current()
        try:
            weft.sleep(seconds)
        finally:
            self.user = None


class LifoOfResources:
    """A stack of ready resources, as an HTTP client keeps its connections."""

    def __init__(self, size: int) -> None:
        self.slots = LifoQueue(size)
        for _ in range(size):
            self.slots.put(Resource())

    @contextmanager
    def borrowed(self, seconds: float) -> Iterator[Resource]:
        try:
            resource = self.slots.get(block=True, timeout=seconds)
        except Empty:
            raise Exhausted from None
        try:
            yield resource
        finally:
            self.slots.put(resource, block=False)


class LifoOfPlaceholders:
    """A stack of Nones, in whose place a resource comes once it is made, as a cache client does.

    A resource that fails is not kept: its slot goes back empty.
    """

    def __init__(self, size: int) -> None:
        self.slots = LifoQueue(size)
        while True:
            try:
                self.slots.put_nowait(None)
            except Full:
                break

    @contextmanager
    def borrowed(self, seconds: float) -> Iterator[Resource]:
        try:
            resource = self.slots.get(block=True, timeout=seconds)
        except Empty:
            raise Exhausted from None
        try:
            if resource is None:
                weft.sleep(0.001)  # it is connected
                resource = Resource()
            yield resource
        except BaseException:
            resource = None
            raise
        finally:
            self.slots.put_nowait(resource)


class OverflowingDeque:
    """Half of them kept, more made when they are needed, and counted, as an SQL toolkit does."""

    def __init__(self, size: int) -> None:
        self.most_kept = (size + 1) // 2
        self.most_made = size - self.most_kept
        self.kept: deque[Resource] = deque()
        self.mutex = weft.threading.RLock()
        self.returned = weft.threading.Condition(self.mutex)
        self.counter = weft.threading.Lock()
        self.made = -self.most_kept  # resources beyond those that are kept

    @contextmanager
    def borrowed(self, seconds: float) -> Iterator[Resource]:
        resource = self.take(seconds)
        try:
            yield resource
        finally:
            self.give(resource)

    def take(self, seconds: float) -> Resource:
        deadline = weft.now() + seconds
        while True:
            with self.returned:
                while self.made >= self.most_made and not self.kept:
                    left = deadline - weft.now()
                    if left <= 0:
                        raise Exhausted
                    self.returned.wait(left)
                if self.kept:
                    return self.kept.popleft()
            if self.count_one_more():
                return self.make()

    def count_one_more(self) -> bool:
        with self.counter:
            if self.made >= self.most_made:
                return False
            self.made += 1
            return True

    def make(self) -> Resource:
        try:
            weft.sleep(0.001)  # it is connected
            return Resource()
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        with self.counter:
            self.made -= 1
        with self.returned:
            self.returned.notify()

    def give(self, resource: Resource) -> None:
        with self.returned:
            if len(self.kept) < self.most_kept:
                self.kept.append(resource)
                self.returned.notify()
                return
        self.discard()


class Siege:
    """Borrowers of a pool, and how each fared; some are cancelled by their neighbours."""

    def __init__(self, pool, size: int, seed: int) -> None:
        self.pool, self.size = pool, size
        self.chance = random.Random(seed)
        self.fared: Counter[str] = Counter()
        self.going: list[weft.Task] = []
        self.held = 0

    def borrow(self) -> None:
        me = weft.current()
        self.going.append(me)
        try:
            self.fared[self.try_to_borrow()] += 1
        finally:
            self.going.remove(me)

    def try_to_borrow(self) -> str:
        chance = self.chance
        limit = weft.timeout(chance.choice([None, None, 0.001, 0.002, 0.004]))
        patience = chance.choice([0.001, 0.002, 60])
        self.disturb()
        try:
            with limit, self.pool.borrowed(patience) as resource:
                self.hold(resource, chance.choice([0, 0.001, 0.002, 0.003]))
        except TimeoutError:
            return "timeout"
        except Exhausted:
            assert patience < 1, "nobody holds a resource for so long: it was not told of one"
            return "exhausted"
        except weft.Cancelled:
            return "cancelled"
        return "served"

    def disturb(self) -> None:
        if self.chance.random() < 0.3:
            self.chance.choice(self.going).cancel()

    def hold(self, resource: Resource, seconds: float) -> None:
        self.held += 1
        assert self.held <= self.size
        try:
            resource.use(seconds)
        finally:
            self.disturb()
            self.held -= 1


def lay_siege(kind: type, seed: int) -> Counter[str]:
    """Have crowds borrow of a pool, then see that it has all its slots, and no more."""
    size = 1 + seed % SIZES
    pool = kind(size)
    siege = Siege(pool, size, seed)
    for _ in range(CROWDS):
        # One after the other: the last of a crowd are served only if they are told of every slot.
        weft.gather(*[siege.borrow] * BORROWERS)
    with ExitStack() as held:
        together = {held.enter_context(pool.borrowed(10)) for _ in range(size)}
        assert len(together) == size
        with pytest.raises(Exhausted), pool.borrowed(10):
            pass
    return siege.fared


@pytest.mark.parametrize("kind", [LifoOfResources, LifoOfPlaceholders, OverflowingDeque])
def test_no_slot_is_lost_or_handed_out_twice(kind: type) -> None:
    fared: Counter[str] = Counter()
    seed = 0
    while fared.total() - fared["served"] < STRIKES:
        seed += 1
        with schedule(seed):
            fared += lay_siege(kind, seed)
    assert min(fared[how] for how in ("served", "timeout", "exhausted", "cancelled")) > 1000, fared
