"""Tasks that wait for one another, and so for ever.

Owns nothing. A task is stuck when only stuck ones could wake it: every holder
of a lock or limiter, the task it joins, one task of the group it ends. What is
left when all others are struck off is stuck, and has a cycle in it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from weft._core._task import Task
from weft.inspect._survey import Survey, View


class Link(NamedTuple):
    """One task of a cycle, and what it waits for: a lock, a limiter, or the task it joins."""

    task: Task
    """Who waits."""
    waits_for: Any
    """The object that the next task of the cycle holds, or that task itself."""


def find_cycles() -> list[list[Link]]:
    """Find tasks that can never be woken because each waits for the next.

    Other tasks may be alive and well meanwhile. A wait with a timeout ends by
    itself and is no part of a cycle. A ``threading.Lock`` can be released by
    anybody; it counts as held by whoever took it last.

    Returns:
      The cycles, each a list of :class:`Link`: every task waits for what the
      next one holds, and the last for what the first one does.

    Parks: never. Threads: any.

    Example:
      >>> import weft.inspect
      >>> weft.inspect.find_cycles()
      []
    """
    return lasting_cycles(Survey())


def lasting_cycles(survey: Survey) -> list[list[Link]]:
    """The cycles among the tasks of ``survey`` that are there still."""
    found = cycles(survey)
    if not found:
        return []
    # Other threads run while one looks. Who still waits for the same has waited all the time.
    lasting = {_key(cycle) for cycle in cycles(Survey())}
    return [cycle for cycle in found if _key(cycle) in lasting]


def _key(cycle: list[Link]) -> frozenset[tuple[int, int]]:
    return frozenset((link.task.id, id(link.waits_for)) for link in cycle)


def cycles(survey: Survey) -> list[list[Link]]:
    """The cycles among the tasks of ``survey``, as it saw them one after the other."""
    views = {view.task: view for view in survey.views}
    stuck = _stuck(survey)
    found = []
    seen: set[Task] = set()
    for start in stuck:
        path: dict[Task, None] = {}
        task = start
        while task not in seen:
            seen.add(task)
            path[task] = None
            task = stuck[task]
        if task in path:
            ring = list(path)[list(path).index(task) :]
            found.append([Link(each, views[each].what) for each in ring])
    return found


def _stuck(survey: Survey) -> dict[Task, Task]:
    """Every stuck task, with the first stuck one of those it waits for."""
    views = {view.task: view for view in survey.views}
    waits = {task: held for task, view in views.items() if (held := _awaited(survey, view))}
    waiters: dict[Task, list[Task]] = {}
    for task, held in waits.items():
        for each in held:
            waiters.setdefault(each, []).append(task)
    suspects = list(waits)
    while suspects:
        task = suspects.pop()
        if task in waits and not _holds(views[task], waits[task], waits):
            del waits[task]
            suspects += waiters.get(task, ())
    return {task: next(each for each in held if each in waits) for task, held in waits.items()}


def _holds(view: View, held: list[Task], waits: dict[Task, list[Task]]) -> bool:
    """Whether nothing but the tasks of ``waits`` could end this wait."""
    # The end of a group waits for all of its tasks; any other wait for one that lets go.
    return (any if view.kind == "group" else all)(each in waits for each in held)


def _awaited(survey: Survey, view: View) -> list[Task]:
    """The tasks that could wake this one; none if something else could as well."""
    if view.state != "parked" or view.deadline is not None:
        return []
    held = survey.holders(view) or []
    # Who takes a lock twice has it stand for something that another is to report.
    return [] if held == [view.task] else held
