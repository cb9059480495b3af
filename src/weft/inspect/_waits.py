"""What a task waits for, in words that need no knowledge of weft.

Owns nothing. ``queue.Queue.get`` or ``Thread.join`` wait on a plain lock of
their own: then the call is named, and not the lock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from weft._core._api import now
from weft._core._group import Group
from weft._core._task import Task
from weft._fanout import Places
from weft.inspect._stacks import library_call, short, type_name, user_frame, variable
from weft.inspect._survey import Survey, View

# By the kind of the wait: what precedes the object.
_PHRASES = {
    "barrier": "waits for the others at",
    "choose": "waits for one of",
    "condition": "waits to be notified by",
    "event": "waits for",
    "limiter": "waits for a token of",
    "lock": "waits for",
    "place in group": "waits for a place in",
    "poll": "waits for one of the descriptors",
    "process": "waits for a worker process that runs",
    "queue": "waits for an item from",
    "queue get": "waits for an item from",
    "queue put": "waits for room in",
    "queue join": "waits until all is done that was put into",
    "read": "waits to read from descriptor",
    "receive": "waits for an item from",
    "semaphore": "waits for",
    "send": "waits to send to",
    "settle": "waits until all others wait",
    "sleep": "sleeps",
    "thread": "waits for a worker thread that runs",
    "write": "waits to write to descriptor",
}
_STATES = {"new": "not started yet", "ready": "ready to run", "running": "running"}
_LONG = 80  # characters of a program's own repr


def doing(survey: Survey, view: View) -> str:
    """What the task does: "running", or what it waits for, who holds it and until when."""
    if view.kind is None:
        return _STATES.get(view.state, view.state)
    words = [_wait(survey, view)]
    if view.deadline is not None:
        words.append(f"{max(view.deadline - now(), 0):.1f} s left")
    return ", ".join(words)


def _wait(survey: Survey, view: View) -> str:
    what = view.what
    held = survey.holders(view)
    call, caller = library_call(view.frames)
    if isinstance(what, Task):
        return f"waits for task {what.name!r} to end"
    if view.kind == "group":
        return f"waits for {_listed(view, held or [])} of {short(what.name)} to end"
    if isinstance(what, Places):
        return f"waits for a place in {short(what.name)}"
    if held and view.kind == "result":
        return f"waits for {'one of ' if len(held) > 1 else ''}{_listed(view, held)} to end"
    if id(what) in survey.by_latch:
        return f"waits for thread {survey.by_latch[id(what)].name!r} to end"
    words = _PHRASES.get(str(view.kind), f"waits ({view.kind})")
    if held is None and view.kind == "lock" and call:
        # The lock is the call's own affair.
        words = f"waits for {name}" if (name := _variable(view, caller)) else "waits"
    elif what is not None:
        words += f" {named(view)}"
    if call:
        words += f" in {call}()"
    if held is None:
        return words
    return f"{words}, held by {_listed(view, held) if held else survey.unseen_holder(what)}"


def _listed(view: View, tasks: list[Task]) -> str:
    """Tasks by name; at most three of them."""
    names = ["itself" if task is view.task else quoted(task) for task in tasks[:3]]
    if len(tasks) > 3:
        names.append(f"{len(tasks) - 3} more")
    return " and ".join(names)


def quoted(task: Task) -> str:
    """The name of a task, and that it has ended if it has."""
    return f"{task.name!r}, which has ended" if task.done else repr(task.name)


def named(view: View, *, brief: bool = False) -> str:
    """What is waited for: by the name it has where the program waits, if it has one there."""
    if view.kind == "choose":
        return ", ".join(_name(view, one, brief) for one in view.what)
    return _name(view, view.what, brief)


def _name(view: View, what: Any, brief: bool) -> str:
    if isinstance(what, Group):
        return short(what.name)
    if view.kind in ("thread", "process"):
        called = _tried(lambda: str(what.__qualname__))
        return f"{called}()" if called else _brief(what)
    if not type(what).__module__.startswith("weft."):
        return _brief(what)
    name, kind = _variable(view, what), type_name(type(what))
    if name:
        return name if brief else f"{name} ({kind})"
    return f"a {kind} at {id(what):#x}"


def _variable(view: View, value: object) -> str:
    place = user_frame(view.frames)
    if place is None or value is None:
        return ""
    frame = place[0]
    return _tried(lambda: variable(value, frame))


def _brief(what: Any) -> str:
    text = _tried(lambda: repr(what))
    if not text:
        return f"a {type_name(type(what))} whose repr failed"
    return text if len(text) <= _LONG else text[: _LONG - 3] + "..."


def _tried(say: Callable[[], str]) -> str:
    """What the program's own code says; a report on what hangs must not fail with it."""
    try:
        return say()
    except Exception:
        return ""
