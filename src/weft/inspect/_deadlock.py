"""What happens when nothing seems able to run: an error if that is certain, else a warning.

Owns: that the warning comes once. ``on_doubt`` is called by the hub in a task,
when no task is ready and none waits for a descriptor, a timer or a call in a
thread. What is left to wake one is another hub, an OS thread that weft knows
nothing of, or a signal handler of the program's.
"""

from __future__ import annotations

import os
import signal
from weakref import WeakSet

from weft._core import _pool
from weft._core._doubt import all_hubs_idle, hub_count, raise_in_main
from weft._core._lock import allocate_lock
from weft._core._task import Task
from weft._errors import Deadlock
from weft.inspect._report import deadlock
from weft.inspect._survey import Survey

# Taken by whoever logs the report, and never released.
_said = allocate_lock()
# Tasks that a Deadlock has told of. The program may go on, and meet them again as it ends.
_told: WeakSet[Task] = WeakSet()


def on_doubt(stage: int) -> None:
    """Raise ``weft.Deadlock`` in the main task if there is one, or else say what may be one.

    Args:
      stage: 1 when nothing has run for a moment, 2 when nothing has for 10 s.

    Parks: if the program's log handlers do. Threads: any with a hub.
    """
    if not all_hubs_idle():
        return
    left = doubts()
    if left and stage == 1:
        return
    survey = Survey()
    if not left:
        text = deadlock(survey, known=_told)
        _told.update(view.task for view in survey.views if not view.task.is_main)
        raise_in_main(Deadlock(text))
    elif _said.acquire(blocking=False):
        import logging

        logging.getLogger("weft").warning("nothing has run for 10 s: %s", deadlock(survey, left))


def doubts() -> list[str]:
    """What could still wake a task although every hub is idle, in words; nothing if it is certain.

    Parks: never. Threads: any.
    """
    found = []
    strangers = len(os.listdir("/proc/self/task")) - hub_count() - _pool.statistics()["idle"]
    if strangers > 0:
        found.append("an OS thread" if strangers == 1 else f"one of {strangers} OS threads")
    names = {each.value: each.name for each in signal.Signals}
    handled = [names.get(number, f"signal {number}") for number in handled_signals()]
    if handled:
        found.append(f"the program's handler of {' or '.join(handled)}")
    return found


def handled_signals() -> list[int]:
    """The signals for which the program has a handler of its own."""
    return [
        number
        for number in sorted(signal.valid_signals())
        if callable(handler := signal.getsignal(number))
        and handler is not signal.default_int_handler
        and not str(getattr(handler, "__module__", "")).startswith("weft.")
    ]
