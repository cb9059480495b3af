# cython: binding=False, embedsignature.format=clinic
# Plain builtins: the interpreter calls them directly, which saves time and, in a parked
# task, 48 bytes of saved stack.
"""What Python code calls: spawn, sleep, checkpoint, park and unpark.

Owns nothing; every function works on the calling thread's hub.
"""

from math import inf as _inf

from _functools import partial

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from weft._core._clock cimport now_ns
from weft._core._hub cimport Hub, charge, get_hub, hubs_of_process, live_tasks, new_task
from weft._core._sys cimport NSEC, weft_context
from weft._core._task cimport EXPIRED, THROWN, WOKEN, Task, deadline_at, sleep_deadline

cdef extern from "Python.h":
    object PyContext_CopyCurrent()
    PyObject* PyEval_GetFrame() noexcept
    object PyFrame_GetCode(PyObject* frame)
    int PyFrame_GetLasti(PyObject* frame) noexcept
    object PyWeakref_NewRef(object target, PyObject* callback)


def now():
    """Seconds of the clock that deadlines are on (CLOCK_MONOTONIC).

    Example:
      >>> import weft
      >>> deadline = weft.now() + 2.5
    """
    return now_ns() / <double>NSEC


def spawn(fn, /, *args, **kwargs):
    """Start a task that runs ``fn(*args, **kwargs)`` concurrently with the caller.

    It starts once the caller parks, in the order of spawning, in a copy of the
    caller's contextvars. A failure nobody asks for is logged.

    Returns:
      The :class:`weft.Task`; it runs whether the reference is kept or not.

    Raises:
      TypeError: ``fn`` cannot be called.

    Parks: never. Threads: any; the task belongs to the calling thread.

    Example:
      >>> import weft
      >>> pages = [weft.spawn(len, word) for word in ("warp", "weft!")]
      >>> [page.result() for page in pages]
      [4, 5]
    """
    return spawn_task(fn, args, kwargs, None, None)


def spawn_in(fn, tuple args=(), dict kwargs=None, *, context=None, name=None):
    """:func:`spawn` for those who build on it: in ``context``, under ``name``."""
    return spawn_task(fn, args, kwargs, context, name)


cdef Task spawn_task(object fn, tuple args, dict kwargs, object context, object name):
    cdef Hub hub
    cdef Task task
    cdef PyObject* frame
    if not callable(fn):
        raise TypeError(f"spawn() needs something to call, got {fn!r}")
    hub = get_hub()
    if context is None and weft_context() != NULL:
        context = PyContext_CopyCurrent()
    if kwargs:
        fn = partial(fn, **kwargs)
    task = new_task(hub, fn, args, context, name)
    if hub.current is not None:
        task.spawner = PyWeakref_NewRef(hub.current, NULL)
    frame = PyEval_GetFrame()
    if frame != NULL:
        task.spawn_code = PyFrame_GetCode(frame)
        task.spawn_lasti = PyFrame_GetLasti(frame)
    return task


def current():
    """The running task: the main task where nothing was spawned.

    Raises:
      TaskError: called in the hub itself (a destructor the hub ran).
    """
    cdef Task me = get_hub().current
    if me is None:
        from weft._errors import TaskError
        raise TaskError("no task is running: this code runs in the hub")
    return me


def tasks():
    """Every unfinished task of the process, each thread's main task first, then by age."""
    cdef list found = []
    cdef Hub hub
    for each in hubs_of_process():
        hub = <Hub>each
        found.append(hub.main)
        found.extend(live_tasks(hub))
    return found


def sleep(seconds, /):
    """Park the calling task for ``seconds``; never less, also below a millisecond.

    Args:
      seconds: not negative; 0 is :func:`checkpoint`.

    Raises:
      ValueError: ``seconds`` is negative or not a number.
      Cancelled: the task was cancelled.

    Parks: always. Woken by: the timer. Threads: any.
    """
    cdef Hub hub = get_hub()
    cdef int64_t deadline = sleep_deadline(seconds)
    if deadline == 0:
        hub.yield_now(hub.current)
    else:
        hub.park("sleep", None, deadline, True)


def checkpoint():
    """Let every other ready task run, then go on.

    Raises:
      Cancelled: the task was cancelled.

    Parks: for a turn of the ready queue. Threads: any.
    """
    cdef Hub hub = get_hub()
    hub.yield_now(hub.current)


def park(str kind, obj=None, double deadline=_inf, *, bint cancellable=True):
    """Stop the calling task until :func:`unpark` is called on it.

    Whoever is to wake it must be able to find it before: put ``current()``
    where they look, then park, and take it out again if this raises. Every
    park is answered once: if ``unpark`` returned True it returns, even when a
    deadline passed or a cancellation came since.

    Args:
      kind: what it waits for, in a word ("lock"); shown by ``wait_reason``.
      obj: the object it waits for.
      deadline: absolute seconds on :func:`now`'s clock.
      cancellable: whether ``Cancelled`` may be delivered here.

    Returns:
      What was passed to ``unpark``.

    Raises:
      TimeoutError: ``deadline`` passed first.
      Cancelled: the task was cancelled.
      BaseException: what ``unpark`` was given as ``exception``.
      TaskError: in a garbage collection, or in the hub.

    Parks: always. Woken by: :func:`unpark`. Threads: any.
    """
    cdef Hub hub = get_hub()
    cdef Task me = hub.current
    if me is not None:
        me.value = None     # what an unpark left that came while it slept or joined
    if hub.park(kind, obj, deadline_at(deadline), cancellable) == EXPIRED:
        raise TimeoutError(f"{kind}: the deadline passed")
    value = me.value
    me.value = None
    return value


def unpark(Task task not None, value=None, *, exception=None):
    """Wake a parked task; its :func:`park` returns ``value`` or raises ``exception``.

    Never switches: the task is put at the end of its hub's ready queue.

    Returns:
      Whether this call answered the park. False: the task is not parked, or
      a deadline or cancellation was first; wake another one.

    Parks: never. Threads: any, also from a destructor.
    """
    if exception is not None:
        return task.hub.wake(task, THROWN, exception)
    return task.hub.wake(task, WOKEN, value)


def spend():
    """Count one operation that did not park: after its share the task yields.

    Call it *before* an operation that may succeed at once, so that one busy
    task does not starve the others, and nothing is lost if it raises.

    Raises:
      Cancelled: the task was cancelled and its share is used up.

    Parks: every 65th call, or 5 ms after the first, without parking. Threads: any.
    """
    charge(get_hub())


def statistics():
    """Counts of the calling thread's hub: see :meth:`Hub.statistics`."""
    return get_hub().statistics()
