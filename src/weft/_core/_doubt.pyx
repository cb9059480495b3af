"""Whether anything can run any more, and how the main task is told.

Owns nothing; reads every hub's state. Nothing here parks. Stands beneath the
deadlock report of weft.inspect, which puts itself into the hub's hook.
"""

from weft._core cimport _hub
from weft._core._hub cimport Hub, get_hub, hubs_of_process

from weft._errors import TaskError


def on_doubt(function):
    """Have ``function(stage)`` called, in a task, when nothing seems able to run.

    That is: no task of a hub is ready or waits for a descriptor, a timer, or a
    call made in a thread. ``stage`` is 1 after 20 ms of that, 2 after 10 s more.

    Returns:
      What was called so far, or None; pass it to go back to it.
    """
    before = _hub.in_doubt
    _hub.in_doubt = function
    return before


def all_hubs_idle():
    """Whether no hub of the process can run a task, but for the calling one.

    True means: whatever wakes a task now comes from outside of weft, from an OS
    thread without a hub or a signal. Read in one piece, under the GIL.
    """
    cdef Hub own = get_hub()
    cdef Hub hub
    for each in hubs_of_process():
        hub = <Hub>each
        if not (hub is own or hub.sleeping):
            return False
        if not (hub.nothing_came() and hub.never_woken()):
            return False
    return True


def hub_count():
    """How many OS threads of the process have a hub."""
    return len(hubs_of_process())


def raise_in_main(exc):
    """Raise ``exc`` in the main task of the program: where it parks, or at its next checkpoint.

    Raises:
      TaskError: the main thread has no hub.
    """
    cdef Hub hub
    for each in hubs_of_process():
        hub = <Hub>each
        if hub.in_main_thread:
            hub.raise_in_main(exc)
            return
    raise TaskError("the main thread runs no tasks")
