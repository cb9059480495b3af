"""What a task waits for, in words that need no knowledge of weft.

Owns nothing. A plain lock is only what ``queue.Queue.get`` or ``Thread.join``
wait on: there the call is named, not the lock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from weft._core._api import now
from weft._core._task import Task
from weft.inspect._stacks import library_call, type_name, user_frame, variable
from weft.inspect._survey import Survey, View

# By the kind of the wait: what precedes the object.
_PHRASES = {
    "barrier": "waits for the others at",
    "choose": "waits to choose among",
    "condition": "waits to be notified by",
    "event": "waits for the event",
    "group": "waits for the tasks of",
    "limiter": "waits for a place in",
    "lock": "waits for",
    "poll": "waits for one of the descriptors",
    "process": "waits for a worker process that runs",
    "queue": "waits for an item from",
    "queue get": "waits for an item from",
    "queue put": "waits for room in",
    "read": "waits to read from descriptor",
    "receive": "waits for an item from",
    "semaphore": "waits for",
    "send": "waits to send to",
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
    held = survey.holders(view)
    call = library_call(view.frames)
    if isinstance(view.what, Task):
        return f"waits for task {view.what.name!r} to end"
    if held is None and view.kind == "lock":
        return f"waits in {call}()" if call else f"waits for {named(view)}"
    if held and call.endswith((".Thread.join", "threading._shutdown")):
        return f"waits for thread {held[0].name!r} to end"
    words = _PHRASES.get(str(view.kind), f"waits ({view.kind})")
    if view.what is not None:
        words += f" {named(view)}"
    if call:
        words += f" in {call}()"
    return words if held is None else f"{words}, held by {holders(view, held)}"


def holders(view: View, held: list[Task]) -> str:
    """Who holds it, by name; at most three of them."""
    if not held:
        return "somebody unknown"
    names = ["itself" if task is view.task else quoted(task) for task in held[:3]]
    if len(held) > 3:
        names.append(f"{len(held) - 3} more")
    return " and ".join(names)


def quoted(task: Task) -> str:
    """The name of a task, and that it has ended if it has."""
    return f"{task.name!r}, which has ended" if task.done else repr(task.name)


def named(view: View, *, brief: bool = False) -> str:
    """What is waited for: by the name it has where the program waits, if it has one there."""
    what = view.what
    if isinstance(what, (int, list)):
        return _brief(what)
    if callable(what) and not isinstance(what, type) and hasattr(what, "__qualname__"):
        return f"{what.__qualname__}()"
    if not type(what).__module__.startswith("weft."):
        return _brief(what)
    place = user_frame(view.frames)
    name = _tried(lambda: variable(what, place[0])) if place else ""
    kind = type_name(type(what))
    if name and brief:
        return name
    return f"{name} ({kind})" if name else f"a {kind} at {id(what):#x}"


def _brief(what: Any) -> str:
    text = _tried(lambda: repr(what)) or f"a {type_name(type(what))} whose repr failed"
    return text if len(text) <= _LONG else text[: _LONG - 3] + "..."


def _tried(say: Callable[[], str]) -> str:
    """What the program's own code says; a report on what hangs must not fail with it."""
    try:
        return say()
    except Exception:
        return ""
