"""What a task looks like from outside: its state, what it waits for, its stack.

Owns nothing; reads tasks of any hub, from any thread. Nothing here parks, and
nothing runs Python code while it reads: no other thread, and so no other task,
runs between the first and the last that is said of one task.
"""

import sys

from cpython.object cimport PyObject

from weft._core._greenlet cimport PyGreenlet_Import, greenlet
from weft._core._hub cimport Hub, hubs_of_process, peek_hub
from weft._core._scope cimport Timeout
from weft._core._sys cimport NSEC
from weft._core._task cimport PARKED, RUNNING, Task

from weft._core._task import STATES as _STATES

PyGreenlet_Import()

cdef extern from "Python.h":
    int PyGC_Disable() noexcept              # whether it was enabled
    int PyGC_Enable() noexcept
    PyObject* PyEval_GetFrame() noexcept     # borrowed

# By OS thread, also where sys has a function that knows tasks.
cdef object thread_frames = sys._current_frames
# The descriptors themselves: a subclass may have something of its own under these names.
cdef object frame_of = greenlet.gr_frame
cdef object parent_of = greenlet.parent


def look(Task task not None):
    """All there is to see of ``task`` at one moment.

    Returns:
      Its state; the name of its thread; the kind of its wait, the object (or descriptor)
      and the deadline in seconds on ``now()``'s clock, each None without one; its stack as
      pairs of frame and line number, innermost first, empty before it has started.

    Parks: never. Threads: any; makes no hub.
    """
    cdef Hub hub = <Hub>task.hub
    cdef object kind = None
    cdef object what = None
    cdef object deadline = None
    # Until 3.11 any allocation may collect garbage, and that runs finalizers.
    cdef bint collects = PyGC_Disable()
    try:
        if task.state == PARKED:
            kind = task.kind
            what = task.fd if task.fd >= 0 else task.obj
            if task.timer.place >= 0:
                deadline = task.timer.when / <double>NSEC
        thread = "" if hub is None else hub.thread_name
        return _STATES[task.state], thread, kind, what, deadline, stack_of(task, hub)
    finally:
        if collects:
            PyGC_Enable()


cdef list stack_of(Task task, Hub hub):
    cdef list stack = []
    cdef PyObject* top
    if task.state != RUNNING:
        add_suspended(stack, task, hub)
    elif <PyObject*>hub == peek_hub():
        top = PyEval_GetFrame()
        add_frames(stack, None if top == NULL else <object>top)
    elif hub is not None:
        add_frames(stack, thread_frames().get(hub.ident))
    return stack


cdef int add_suspended(list stack, Task task, Hub hub) except -1:
    """The frames of the greenlet that parked, and of those it was started from, up to the task."""
    cdef object each = None if task.target == NULL else <object>task.target
    while each is not None and (hub is None or each is not hub.greenlet):
        add_frames(stack, frame_of.__get__(each))
        each = None if each is task else parent_of.__get__(each)
    return 0


cdef int add_frames(list stack, object frame) except -1:
    while frame is not None:
        stack.append((frame, frame.f_lineno))
        frame = frame.f_back
    return 0


def timeouts():
    """The parked tasks that a ``with weft.timeout(...)`` around them will wake, each with when.

    Not those whose wait holds cancellation back. Seconds on ``now()``'s clock.

    Parks: never. Threads: any; makes no hub.
    """
    cdef dict found = {}
    cdef Hub hub
    cdef Py_ssize_t i
    for each in hubs_of_process():
        hub = <Hub>each
        for i in range(hub.timers.size):
            owner = <object>hub.timers.heap[i].timer.owner
            if isinstance(owner, Timeout) and reaches(<Timeout>owner):
                when = (<Timeout>owner).timer.when / <double>NSEC
                found[(<Timeout>owner).task] = min(when, found.get((<Timeout>owner).task, when))
    return found


cdef bint reaches(Timeout limit) noexcept:
    cdef Task task = limit.task
    if task is None or task.state != PARKED:
        return False
    return task.cancellable and task.shields <= limit.depth
