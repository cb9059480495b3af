"""What happens when nothing seems able to run: an error if that is certain, else a warning.

Owns: that the warning comes once. ``on_doubt`` is called by the hub in a task,
when no task is ready and none waits for a descriptor, a timer or a call in a
thread. What is left to wake one is another hub, an OS thread that weft knows
nothing of, or a signal handler of the program's.
"""

from __future__ import annotations

import os
import signal

from weft._core import _pool
from weft._core._doubt import all_hubs_idle, hub_count, raise_in_main
from weft._core._lock import allocate_lock
from weft._errors import Deadlock
from weft.inspect._report import deadlock
from weft.inspect._survey import Survey

# Taken by whoever logs the report, and never released.
_said = allocate_lock()


def on_doubt(stage: int) -> None:
    """Raise ``weft.Deadlock`` in the main task if there is one, or else say what may be one.

    Args:
      stage: 1 when nothing has run for a moment, 2 when nothing has for 10 s.

    Parks: if the program's log handlers do. Threads: any with a hub.
    """
    if not all_hubs_idle():
        return
    why = doubts()
    if not why:
        raise_in_main(Deadlock(deadlock(Survey())))
    elif stage == 2 and _said.acquire(blocking=False):
        import logging

        text = "nothing has run for 10 s: {}\n(this may be a deadlock; not certain, because {})"
        report = text.format(deadlock(Survey()), " and ".join(why))
        logging.getLogger("weft").warning("%s", report)


def doubts() -> list[str]:
    """What could still wake a task although every hub is idle, in words; nothing if it is certain.

    Parks: never. Threads: any.
    """
    found = []
    strangers = len(os.listdir("/proc/self/task")) - hub_count() - _pool.statistics()["idle"]
    if strangers > 0:
        found.append("an OS thread lives" if strangers == 1 else f"{strangers} OS threads live")
    names = {each.value: each.name for each in signal.Signals}
    handled = [names.get(number, f"signal {number}") for number in handled_signals()]
    if handled:
        found.append(f"the program handles {', '.join(handled)}")
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
