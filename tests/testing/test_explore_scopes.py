"""Groups, timeouts, shields and cancellation in random mixes, under seeded schedules.

Each run builds a few tasks of nested blocks whose deadlines often fall together, and cancels
tasks from outside meanwhile. Whatever the mix: a group's block leaves only when its children are
done; a timeout answers for its own deadline alone; no request reaches into a shield that was up
before it; each request is raised once, and none is left when all blocks have ended.
"""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import weft
from weft.testing import Clock, explore, virtual_time

SEEDS = 100_000 if os.environ.get("WEFT_HAMMER") == "full" else 1000
SHIELD = "shield"


class Mix:
    """One random program; ``problems`` are what it did wrong."""

    def __init__(self) -> None:
        self.fails = random.random() < 0.5
        self.problems: list[str] = []
        self.raised: list[weft.Cancelled] = []
        self.tasks: list[weft.Task] = []
        self.started: set[weft.Task] = set()
        self.asked: dict[str, weft.Task] = {}

    def run(self) -> None:
        roots = [weft.spawn(self.task, 4) for _ in range(3)]
        self.tasks += roots
        weft.spawn(self.cancel_some).join()
        for root in weft.joinall(roots):
            clean = root.exception is None or self.fails or root not in self.started
            self.check(clean, f"failed: {root.exception!r}")
        for text, task in self.asked.items():
            times = sum(str(exc).startswith(text + " ") for exc in self.raised)
            self.check(times == (task in self.started), f"{text} was raised {times} times")
        assert self.problems == []

    def check(self, holds: bool, problem: str) -> None:
        """Not by an assertion: a group would make that one of its own failures."""
        if not holds:
            self.problems.append(problem)

    def cancel_some(self) -> None:
        for number in range(4):
            weft.sleep(random.choice([0, 0, 1]))
            task = random.choice(self.tasks)
            text = f"request {number}"
            if task.cancel(text):
                self.asked[text] = task

    def task(self, depth: int) -> None:
        """What each task does: blocks, and then there must be nothing left that is to be raised."""
        self.started.add(weft.current())
        try:
            self.step([], depth)
        except (weft.Cancelled, ExceptionGroup, ValueError):
            if self.fails and random.random() < 0.2:
                raise
        finally:
            self.drain()

    def drain(self) -> None:
        while True:
            try:
                weft.checkpoint()
                return
            except weft.Cancelled as exc:
                self.note(exc, [])

    # -- steps: each does something, perhaps with steps inside -------------------------

    def step(self, around: list[object], depth: int) -> None:
        kinds = [self.leaf] if depth == 0 else [self.leaf, self.deadline, self.shield, self.group]
        for _ in range(random.choice([1, 1, 2])):
            random.choice(kinds)(around, depth - 1)

    def leaf(self, around: list[object], depth: int) -> None:
        if self.fails and random.random() < 0.05:
            raise ValueError("a step failed")
        if random.random() < 0.1:
            Clock().advance(1)
        with self.noting(around):
            weft.sleep(random.choice([0, 1, 1, 2]))

    def deadline(self, around: list[object], depth: int) -> None:
        make = random.choice([weft.timeout, weft.move_on_after])
        limit = make(random.choice([0, 1, 1, 2, None]))
        try:
            with limit, inside(around, limit):
                self.step(around, depth)
                if random.random() < 0.2:
                    limit.deadline = weft.now() + random.choice([-1, 0, 1])
                    self.step(around, depth)
        except TimeoutError as late:
            origin = late.__context__
            own = isinstance(origin, weft.Cancelled) and origin.scope is limit
            self.check(own == limit.expired, "a timeout turned what was not its own")
            self.check(make is weft.timeout, "move_on_after raised")
            if not own:
                raise
        if limit.expired:
            self.check(weft.now() >= limit.deadline, "a timeout was early")

    def shield(self, around: list[object], depth: int) -> None:
        with weft.shield(), inside(around, SHIELD):
            self.step(around, depth)

    def group(self, around: list[object], depth: int) -> None:
        children: list[weft.Task] = []
        g = weft.group(limit=random.choice([None, None, 2]))
        try:
            with self.noting(around, known=True), g, inside(around, g):
                for _ in range(random.randrange(4)):
                    with self.noting(around):
                        children.append(g.spawn(self.task, depth))
                    self.tasks.append(children[-1])
                self.step(around, depth)
                if random.random() < 0.2:
                    g.cancel()
        except* weft.Cancelled as several:
            naked = several.exceptions[0]
            self.check(len(several.exceptions) == 1, "a group raised several Cancelled")
            raise naked from None
        except* (ValueError, TimeoutError):
            self.check(self.fails, "a group failed")
        finally:
            self.check(all(child.done for child in children), "a child outlived its group's block")
            self.check(g.tasks == [], "a group that has ended has tasks")

    # -- what is raised ------------------------------------------------------------------

    @contextmanager
    def noting(self, around: list[object], known: bool = False) -> Iterator[None]:
        """Note a Cancelled that is raised here; ``known``: unless it has been further inside."""
        try:
            yield
        except weft.Cancelled as exc:
            if not (known and any(exc is each for each in self.raised)):
                self.note(exc, around)
            raise

    def note(self, exc: weft.Cancelled, around: list[object]) -> None:
        self.check(all(exc is not each for each in self.raised), f"raised twice: {exc}")
        self.raised.append(exc)
        last = max((n for n, each in enumerate(around) if each is SHIELD), default=-1)
        if exc.scope is None:
            self.check(last < 0, f"raised inside of a shield: {exc}")
        else:
            places = [n for n, each in enumerate(around) if each is exc.scope]
            self.check(places != [], f"raised outside of its block: {exc}")
            self.check(places == [] or places[0] > last, f"raised inside of a shield: {exc}")


@contextmanager
def inside(around: list[object], block: object) -> Iterator[None]:
    around.append(block)
    try:
        yield
    finally:
        around.pop()


def test_scopes_in_any_mix_keep_their_promises() -> None:
    explore(lambda: Mix().run(), runs=SEEDS)


def shielded_sleep(seconds: float, failure: Exception | None = None) -> None:
    with weft.shield():
        weft.sleep(seconds)
    if failure is not None:
        raise failure


def test_a_second_deadline_at_a_groups_end_does_not_stand_in_the_way_of_the_first() -> None:
    went_on = []
    with virtual_time():
        with weft.move_on_after(1) as outer:
            with weft.move_on_after(2) as inner, weft.group() as g:
                g.spawn(shielded_sleep, 3)
                weft.sleep(10)
            went_on.append(inner)
        assert outer.expired and not inner.expired
    assert went_on == []


def test_a_deadline_that_a_groups_failure_hid_is_still_due() -> None:
    with virtual_time(), pytest.raises(TimeoutError), weft.timeout(2):
        with pytest.raises(ExceptionGroup), weft.group() as g:
            g.spawn(shielded_sleep, 3, ValueError())
        weft.sleep(10)
        pytest.fail("the timeout was lost")
