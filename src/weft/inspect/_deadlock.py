"""What happens when nothing seems able to run: an error if that is certain, else a warning.

Owns: that the warning comes once. ``on_doubt`` is called by the hub in a task,
when no task is ready and none waits for a descriptor, a timer or a call in a
thread. What is left to wake one is another hub, an OS thread that weft knows
nothing of, or a signal handler of the program's.
"""

from __future__ import annotations

import signal
from collections import deque
from weakref import WeakSet

from weft._core._doubt import raise_in_main, strangers
from weft._core._lock import allocate_lock
from weft._core._task import Task
from weft._errors import Deadlock
from weft.inspect._report import deadlock
from weft.inspect._survey import Survey
from weft.signal import getsignal

# How often the main task gets a Deadlock in vain. A wait that must have its lock, as the end of
# Condition.wait, keeps what it gets for later, and waits on.
ATTEMPTS = 3

# Taken by whoever logs the report, and never released.
_said = allocate_lock()
# Tasks that a Deadlock has told of. The program may go on, and meet them again as it ends.
_told: WeakSet[Task] = WeakSet()
# For each of the last ones, what all tasks waited for.
_moments: deque[int] = deque(maxlen=ATTEMPTS)


def on_doubt(stage: int) -> None:
    """Raise ``weft.Deadlock`` in the main task if there is one, or else say what may be one.

    Args:
      stage: 1 when nothing has run for a moment, 2 when nothing has for 10 s.

    Parks: if the program's log handlers do. Threads: any with a hub.
    """
    unknown = strangers()
    if unknown is None:
        return
    left = doubts(unknown)
    if left:
        if stage == 2:
            _say_once(f"nothing has run for 10 s: {deadlock(Survey(), left)}")
        return
    survey = Survey()
    if _moves(survey):
        text = deadlock(survey, known=_told)
        _told.update(view.task for view in survey.views if not view.task.is_main)
        raise_in_main(Deadlock(text))
    else:
        _say_once(f"the wait of the main task cannot be ended: {deadlock(survey)}")


def _moves(survey: Survey) -> bool:
    """Whether the last Deadlocks have changed anything."""
    _moments.append(hash(tuple((view.task.id, view.kind, id(view.what)) for view in survey.views)))
    return len(_moments) < ATTEMPTS or len(set(_moments)) > 1


def _say_once(text: str) -> None:
    if _said.acquire(blocking=False):
        import logging

        logging.getLogger("weft").warning("%s", text)


def doubts(unknown: int) -> list[str]:
    """What could still wake a task although every hub is idle, in words; nothing if it is certain.

    Args:
      unknown: how many OS threads may.

    Parks: never. Threads: any.
    """
    found = []
    if unknown:
        found.append("an OS thread" if unknown == 1 else f"one of {unknown} OS threads")
    names = {each.value: each.name for each in signal.Signals}
    handled = [names.get(number, f"signal {number}") for number in handled_signals()]
    if handled:
        found.append(f"the program's handler of {' or '.join(handled)}")
    return found


# Where the handlers are that weft itself installs, and that wake nobody.
_OWN_HANDLERS = (
    "weft._core._ends",
    "weft._core._preempt",
    "weft.inspect._signal",
    "weft.testing._alarm",
)


def handled_signals() -> list[int]:
    """The signals for which the program has a handler of its own."""
    return [
        number
        for number in sorted(signal.valid_signals())
        if callable(handler := getsignal(number))
        and handler is not signal.default_int_handler
        and getattr(handler, "__module__", "") not in _OWN_HANDLERS
    ]
