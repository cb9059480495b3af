"""Whether anything can run any more, and how the main task is told.

Owns nothing; reads every hub's state. Nothing here parks. Stands beneath the
deadlock report of weft.inspect, which puts itself into the hub's hook.
"""

import os

from libc.errno cimport errno

from weft._core cimport _hub, _pool
from weft._core._hub cimport Hub, get_hub, hubs_of_process
from weft._core._task cimport THROWN
from weft._core._watch cimport thread_count

from weft._errors import TaskError

cdef extern from "<sys/stat.h>" nogil:
    struct c_stat "stat":
        unsigned long st_nlink
    int stat(const char* path, c_stat* found)


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
    return all_idle(get_hub(), hubs_of_process())


cdef bint all_idle(Hub own, list hubs) noexcept:
    cdef Hub hub
    for each in hubs:
        hub = <Hub>each
        if not (hub is own or hub.sleeping):
            return False
        if not (hub.nothing_came() and hub.never_woken()):
            return False
    return True


def strangers():
    """How many OS threads of the process could wake a task now that no hub runs any.

    Those that have a hub cannot, nor can the idle ones of the pool, and those that look for stalls.

    Returns:
      None if a hub other than the calling one can run a task, as in :func:`all_hubs_idle`.

    Raises:
      OSError: the system does not say how many threads there are.
    """
    cdef Hub own = get_hub()
    cdef list hubs = hubs_of_process()
    cdef c_stat tasks
    cdef Py_ssize_t known, unknown
    # With the state of the hubs in one piece, which nobody comes between. Else a thread wakes a
    # task after the one look, and has ended before the other.
    if not all_idle(own, hubs):
        return None
    # These before those there are: the watcher starts threads without the GIL.
    known = len(hubs) + len(_pool.idle) + thread_count()
    # A directory for each thread, "." and "..": Linux, fs/proc/base.c, proc_task_getattr().
    # Not listed: that needs a descriptor, and a program that has used them all may hang, too.
    if stat(b"/proc/self/task", &tasks) < 0:
        error = errno
        raise OSError(error, os.strerror(error), "/proc/self/task")
    unknown = <Py_ssize_t>tasks.st_nlink - 2 - known
    # A system that does not count them there has fewer than are known; then there may be any.
    return unknown if unknown >= 0 else 1


def raise_in_main(exc):
    """Raise ``exc`` in the main task of the program where it parks; nothing if it does not.

    Raises:
      TaskError: the main thread has no hub.
    """
    cdef Hub hub
    for each in hubs_of_process():
        hub = <Hub>each
        if hub.in_main_thread:
            hub.wake(hub.main, THROWN, exc)
            return
    raise TaskError("the main thread runs no tasks")
