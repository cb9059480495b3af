"""Every unfinished task at this moment, and who holds what they wait for.

Owns nothing. A task waits for *any* of several holders (one place of a
limiter is enough), or for *all* of them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

from weft import _threads
from weft._core._api import tasks
from weft._core._group import Group
from weft._core._local import ident
from weft._core._lock import Lock, RLock, holder
from weft._core._look import look, timeouts
from weft._core._task import Task
from weft.inspect._stacks import Frames, own_calls_left_out

# Tasks in which weft itself looks, or runs a signal handler that does.
_ONLOOKERS = ("weft-doubt", "weft-signals")


class View(NamedTuple):
    """A task as it was when it was looked at."""

    task: Task
    state: str
    thread: str
    kind: str | None  # of its wait; None unless it is parked
    what: Any  # the object or descriptor it waits for
    deadline: float | None  # when the wait ends by itself, in seconds on now()'s clock
    frames: Frames


class Survey:
    """All tasks; what is asked of several of them is found out once."""

    def __init__(self, chosen: Iterable[Task] | None = None) -> None:
        limits = timeouts()
        views = [_view(task, limits) for task in (tasks() if chosen is None else chosen)]
        self.views = [
            view for view in views if view.state != "running" or view.task.name not in _ONLOOKERS
        ]

    @cached_property
    def by_number(self) -> dict[int, Task]:
        """Tasks by id and by identity, which are never alike: one counts, one is an address."""
        every = tasks()
        return {ident(task): task for task in every} | {task.id: task for task in every}

    @cached_property
    def by_latch(self) -> dict[int, Task]:
        """The tasks of green threads, by the address of the latch that their end opens."""
        found = {}
        for task, ended in list(_threads._running.items()):
            latch: Any = getattr(ended, "__self__", None)
            found[id(getattr(latch, "_alive", latch))] = task
        return found

    def holders(self, view: View) -> list[Task] | None:
        """Who holds what a parked task waits for; None when nobody can be said to.

        An empty list: somebody holds it, but it is not known who.
        """
        what: Any = view.what
        if view.kind == "join":
            return [what]
        if isinstance(what, Group):
            return what.tasks
        if isinstance(what, (Lock, RLock)):
            return self._lock_holders(what)
        # Of weft's own; what a program's wait objects have under that name is not for us to call.
        asked = type(what).__module__.startswith("weft.") and getattr(what, "holders", None)
        return list(asked()) if asked else None

    def unseen_holder(self, what: Any) -> str:
        """In words, who holds a lock that none of the tasks holds."""
        number = holder(what) if isinstance(what, (Lock, RLock)) else 0
        if not number:
            return "somebody unknown"
        thread = threading._active.get(number)  # type: ignore[attr-defined]
        return "a task that has ended" if thread is None else f"thread {thread.name!r}"

    def _lock_holders(self, lock: Lock | RLock) -> list[Task] | None:
        number = holder(lock)
        if number is None:
            thread = self.by_latch.get(id(lock))
            return None if thread is None else [thread]
        found = self.by_number.get(number)
        return [] if found is None else [found]


def _view(task: Task, limits: dict[Task, float]) -> View:
    state, thread, kind, what, deadline, frames = look(task)
    ends = [when for when in (deadline, limits.get(task)) if when is not None]
    # In place: a frame of ours that has itself among its values would stay until it is collected,
    # and the caller's with it.
    frames[:] = own_calls_left_out(frames)
    return View(task, state, thread, kind, what, min(ends, default=None), frames)
