"""The text of a dump, and of the report on a deadlock.

Owns nothing. Tasks that do the same at the same place are shown once, with
their number.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Container, Sequence
from typing import TextIO

from weft._core._task import Task
from weft.inspect._cycles import Link, lasting_cycles
from weft.inspect._stacks import Frames, is_user, line_of, short, user_frame
from weft.inspect._survey import Survey, View
from weft.inspect._waits import doing, named, quoted

MOST = 20  # cycles, tasks of a cycle, groups of alike tasks that a report on a deadlock shows


def dump(file: TextIO | None = None) -> None:
    """Print what every task does, with its stack: see :func:`report`.

    Args:
      file: where to; ``None`` stands for ``sys.stderr``.

    Parks: only if writing to ``file`` does. Threads: any.
    """
    print(report(), file=sys.stderr if file is None else file)


def report() -> str:
    """What every task of the process does: as text, one paragraph for each.

    That is: its name, what it waits for and who holds that, its thread, where
    and by whom it was spawned, and its stack, the innermost line of the
    program's own code marked with ``>``. Tasks that are alike share a paragraph.

    Parks: never. Threads: any, also in a signal handler.

    Example:
      >>> import weft.inspect
      >>> "running" in weft.inspect.report()
      True
    """
    survey = Survey()
    threads = {view.thread for view in survey.views}
    title = f"{_count(len(survey.views), 'task')} in {_count(len(threads), 'thread')}"
    parts = [title, *_cycle_lines(survey)]
    for alike in _groups(survey):
        view = alike[0]
        parts.append("")
        parts.append(f"{_who(alike)}: {doing(survey, view)}")
        parts.append(f"    in thread {view.thread}{_origin(view)}")
        parts += stack_lines(view.frames)
    return "\n".join(parts)


def deadlock(survey: Survey, doubts: Sequence[str] = (), known: Container[Task] = ()) -> str:
    """The report on a deadlock: who waits for what, and where.

    Args:
      survey: all tasks.
      doubts: what might wake one all the same; none if it is certain.
      known: tasks that have been reported, and are only counted here.
    """
    n = len(survey.views)
    title = "the only task waits" if n == 1 else f"all {n:,} tasks wait"
    title += ", and nothing is left that could wake one"
    parts = [f"{title}, unless it is {' or '.join(doubts)}" if doubts else title]
    parts += _cycle_lines(survey)
    groups = [alike for alike in _groups(survey) if alike[0].task not in known]
    for alike in groups[:MOST]:
        view = alike[0]
        parts.append("")
        parts.append(f"{_who(alike)}{_origin(view)}")
        parts.append(f"    {doing(survey, view)}")
        place = user_frame(view.frames)
        if place:
            parts.append(f"    at {line_of(*place)}")
    left = sum(map(len, groups[MOST:]))
    if left:
        parts += ["", f"and {_count(left, 'more task')}"]
    told = n - sum(map(len, groups))
    if told:
        parts += ["", f"and {_count(told, 'task')} as reported before"]
    return "\n".join(parts)


def _groups(survey: Survey) -> list[list[View]]:
    """The views, those together that differ in nothing that would be said of them."""
    found: dict[object, list[View]] = {}
    for view in survey.views:
        held = survey.holders(view)
        what = type(view.what) if held is None else id(view.what)
        stack = tuple((frame.f_code, line) for frame, line in view.frames)
        key = (view.state, view.thread, view.kind, what, view.task.spawn_place, stack)
        found.setdefault(key, []).append(view)
    return list(found.values())


def _who(alike: list[View]) -> str:
    name = repr(alike[0].task.name)
    more = len(alike) - 1
    return name if not more else f"{name} and {_count(more, 'more task')} like it"


def _origin(view: View) -> str:
    """Where it was spawned, and by which task."""
    place, by = view.task.spawn_place, view.task.spawned_by
    words = f", spawned at {short(place)}" if place else ""
    return words + (f" by {by.name!r}" if by is not None else "")


def stack_lines(frames: Frames) -> list[str]:
    """The outermost first, as in a traceback; what only led to the program's code is left out."""
    place = user_frame(frames)
    if place:
        frames = frames[: max(n for n, pair in enumerate(frames, 1) if is_user(pair[0]))]
    return [f"  {'>' if pair is place else ' '} {line_of(*pair)}" for pair in reversed(frames)]


def _cycle_lines(survey: Survey) -> list[str]:
    views = {view.task: view for view in survey.views}
    found = lasting_cycles(survey)
    lines = [_arrows(cycle, views) for cycle in found[:MOST]]
    left = len(found) - len(lines)
    return [*lines, f"and {_count(left, 'more cycle')}"] if left else lines


def _arrows(cycle: list[Link], views: dict[Task, View]) -> str:
    """``cycle: 'a' -> x held by 'b' -> y held by 'a'``; the end of a task by its name.

    Of several that are called alike, each with its address.
    """
    words = [f"cycle: {cycle[0].task.name!r}"]
    names = {id(link.waits_for): named(views[link.task], brief=True) for link in cycle}
    counts = Counter(names.values())
    for link, following in zip(cycle, [*cycle[1:], cycle[0]], strict=True):
        view, holder = views[link.task], quoted(following.task)
        is_end = view.kind in ("join", "group", "result")
        name = names[id(view.what)]
        if counts[name] > 1:
            name += f" at {id(view.what):#x}"
        words.append(holder if is_end else f"{name} held by {holder}")
    left = len(cycle) - MOST
    if left > 0:
        words[MOST:-1] = [f"... {_count(left, 'more task')} ..."]
    return " -> ".join(words)


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
