"""Primitives with a bug planted in each, their correct selves, and programs that use them.

Each bug is of a kind that the peers of weft have had. Run as ever, in the order of spawning, the
programs pass; ``weft.testing.explore`` finds a schedule under which they do not. Written on
``weft.lowlevel`` alone.
"""

import random
from collections import deque

import weft
from weft.lowlevel import current, now, park, spend, unpark


class Mutex:
    """Handed over, so that whoever unlocks it wakes one, if one waits."""

    def __init__(self) -> None:
        self.held = False
        self.waiters: deque[weft.Task] = deque()

    def acquire(self, seconds: float) -> None:
        spend()
        if not self.held:
            self.held = True
            return
        me = current()
        self.waiters.append(me)
        try:
            park("planted mutex", self, now() + seconds)
        except BaseException:
            if me in self.waiters:
                self.waiters.remove(me)
            raise

    def release(self) -> None:
        while self.waiters:
            if unpark(self.waiters.popleft()):
                return
        self.held = False


class LosingMutex(Mutex):
    """A lost wake-up: it is handed to one who has just given up waiting, and so to nobody."""

    def release(self) -> None:
        if self.waiters:
            unpark(self.waiters.popleft())
        else:
            self.held = False


class Semaphore:
    """Lets ``permits`` tasks in at once."""

    def __init__(self, permits: int) -> None:
        self.permits = permits
        self.waiters: deque[weft.Task] = deque()

    def acquire(self) -> None:
        spend()
        while self.permits == 0:
            self.wait()
        self.permits -= 1

    def wait(self) -> None:
        me = current()
        self.waiters.append(me)
        try:
            park("planted semaphore", self)
        finally:
            if me in self.waiters:
                self.waiters.remove(me)

    def release(self) -> None:
        self.permits += 1
        if self.waiters:
            unpark(self.waiters.popleft())


class DoublingSemaphore(Semaphore):
    """A double release: whoever waits is given the permit, and whoever comes meanwhile as well."""

    def acquire(self) -> None:
        spend()
        if self.permits > 0:
            self.permits -= 1
            return
        self.wait()
        self.permits = max(self.permits - 1, 0)


class Cell:
    """A value that is made when it is first asked for."""

    def __init__(self) -> None:
        self.made = 0
        self.value: object = None

    def get(self) -> object:
        if self.value is None:
            self.value = object()
            self.made += 1
        spend()
        return self.value


class RacyCell(Cell):
    """Check, then act: between the two others may run."""

    def get(self) -> object:
        if self.value is None:
            spend()  # what any lock, log message or query may do
            self.value = object()
            self.made += 1
        return self.value


def use_mutex(make: type[Mutex]) -> None:
    """Tasks that hold the mutex and wait for it, for like times; at the end it must be free."""
    mutex = make()

    def worker() -> None:
        for _ in range(3):
            try:
                mutex.acquire(random.choice([1, 2, 3]))
            except TimeoutError:
                continue
            try:
                weft.sleep(random.choice([0, 1]))
            finally:
                mutex.release()

    weft.joinall([weft.spawn(worker) for _ in range(4)])
    assert not mutex.held, "the mutex is held, and by nobody"


def use_semaphore(make: type[Semaphore]) -> None:
    """Never more tasks inside than there are permits."""
    semaphore = make(2)
    inside = 0

    def worker() -> None:
        nonlocal inside
        semaphore.acquire()
        inside += 1
        try:
            weft.checkpoint()
            assert inside <= 2, f"{inside} inside"
        finally:
            inside -= 1
            semaphore.release()

    for task in weft.joinall([weft.spawn(worker) for _ in range(4)]):
        task.result()


def use_cell(make: type[Cell]) -> None:
    """All get the same value."""
    cell = make()
    with weft.group() as g:
        tasks = [g.spawn(cell.get) for _ in range(3)]
    assert len({task.result() for task in tasks}) == cell.made == 1, f"{cell.made} values made"


def lost_wakeup() -> None:
    use_mutex(LosingMutex)


def double_release() -> None:
    use_semaphore(DoublingSemaphore)


def check_then_act() -> None:
    use_cell(RacyCell)


def correct() -> None:
    use_mutex(Mutex)
    use_semaphore(Semaphore)
    use_cell(Cell)
