"""Task: one green thread, its state, its result and what it waits for.

Owns: the record of a task. Must not know: how the hub schedules (it asks
through Scheduler), pollers, sockets. Callers park here in ``join`` and
``result``; the finishing task wakes them, from any thread.
"""

import sys

from cpython.object cimport PyObject
from cpython.ref cimport Py_CLEAR
from libc.math cimport ceil
from libc.stdint cimport int64_t, uint64_t

from weft._core._clock cimport now_ns
from weft._core._debug cimport WEFT_DEBUG, weft_count, weft_counted
from weft._core._greenlet cimport greenlet
from weft._core._sys cimport NSEC, forever
from weft._core._timers cimport timer_init
from weft._core._waitlist cimport list_init, node_append, node_init, node_linked, node_unlink

from functools import partial
from types import GenericAlias

from weft._errors import Cancelled, TaskError

cdef extern from "Python.h":
    unsigned long PyThread_get_thread_ident() noexcept
    PyObject* PyEval_GetFrame() noexcept
    object PyFrame_GetCode(PyObject* frame)
    int PyFrame_GetLasti(PyObject* frame) noexcept

cdef uint64_t last_id = 0

STATES = ("new", "ready", "running", "parked", "done", "abandoned")


cdef class Scheduler:
    cdef int may_park(self, Task me, bint cancellable) except -1:
        raise NotImplementedError

    cdef int park(self, str kind, object obj, int64_t deadline, bint cancellable) except -1:
        raise NotImplementedError

    cdef bint wake(self, Task task, int how, object value) noexcept:
        return False


cdef class Canceller:
    cdef void on_deadline(self) noexcept:
        pass

    cdef bint stops(self, Task task) noexcept:
        return False

    cdef void child_done(self, Task child) noexcept:
        pass

    cdef object exception(self):
        raise NotImplementedError


cdef int64_t deadline_at(double deadline) noexcept:
    """Nanoseconds of an absolute time in seconds, rounded up: a timer is never early."""
    cdef double ns = ceil(deadline * NSEC)
    if not ns < 9.2e18:          # inf, nan, and what does not fit
        return forever()
    return <int64_t>ns if ns > 0 else 0


cdef int64_t deadline_in(object seconds) except -1:
    """The absolute deadline ``seconds`` from now; None waits for ever."""
    cdef double ns
    cdef int64_t now
    if seconds is None:
        return forever()
    ns = ceil(<double>seconds * NSEC)
    now = now_ns()
    if ns != ns:
        raise ValueError("Invalid value NaN (not a number)")
    if ns >= <double>(forever() - now):
        return forever()
    return now + <int64_t>ns if ns > 0 else now


cdef int64_t sleep_deadline(object seconds) except -1:
    """When a sleep that begins now ends; 0 for a sleep of 0 seconds."""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    return deadline_in(seconds) if seconds != 0 else 0


cdef class Task(greenlet):
    """A green thread: one call of a function on a small stack of its own.

    Made by :func:`weft.spawn`, never directly. All methods may be called from
    any thread. It stays alive until it is done, referenced or not.

    Example:
      >>> import weft
      >>> task = weft.spawn(pow, 2, 10)
      >>> task.result()
      1024
    """

    # Annotations are evaluated, and strict checkers want ``weft.Task[str]``.
    __class_getitem__ = classmethod(GenericAlias)

    def __cinit__(self):
        global last_id
        weft_count(1)
        last_id += 1
        self.id = last_id
        node_init(&self.node, <PyObject*>self)
        list_init(&self.joiners)
        timer_init(&self.timer, <PyObject*>self)
        self.fd = -1

    def __init__(self, *args, **kwargs):
        raise TypeError("a Task is made by weft.spawn(fn, ...), not by calling Task")

    def __dealloc__(self):
        weft_count(-1)
        if self.target != NULL and self.target != <PyObject*>self:
            Py_CLEAR(self.target)

    def __del__(self):
        # May run anywhere, in the hub too: only leaves the value to a task of its own.
        if self.value is not None and last_words != NULL:
            last_words(self)

    def __bool__(self):
        # A greenlet is false before it starts and after it ends, and a main task always.
        return True

    def __repr__(self):
        state = STATES[self.state]
        if self.state == PARKED:
            state += f" ({self.wait_reason})"
        return f"<weft.Task {self.name!r} {state}>"

    # -- what it is ---------------------------------------------------------

    @property
    def name(self):
        """Its name: settable; by default the function's qualified name and the task's number."""
        if self.given_name is None:
            return f"{function_name(self.fn)}-{self.id}"
        return self.given_name

    @name.setter
    def name(self, value):
        self.given_name = str(value)

    @property
    def id(self):
        """Number of the task, unique in the process, from 1."""
        return self.id

    @property
    def state(self):
        """One of ``new``, ``ready``, ``running``, ``parked``, ``done``, ``abandoned``."""
        return STATES[self.state]

    @property
    def is_main(self):
        """Whether it stands for the main program of its OS thread."""
        return self.is_main

    @property
    def context(self):
        """The ``contextvars.Context`` it runs in; None while that is empty, and once it is done."""
        return self.context if self.context is not None else self.gr_context

    @property
    def spawned_by(self):
        """The task that spawned it; None when that is gone or it is a main task."""
        return self.spawner() if self.spawner is not None else None

    @property
    def spawn_place(self):
        """Where it was spawned, as ``"file.py:12 in function"``; ``""`` when not known."""
        if self.spawn_code is None:
            return ""
        line = line_at(self.spawn_code, self.spawn_lasti)
        return f"{self.spawn_code.co_filename}:{line} in {self.spawn_code.co_name}"

    @property
    def wait_reason(self):
        """What a parked task waits for, in words; None when it is not parked.

        The kind (``read``, ``sleep``, ``lock`` ...), then the object or file
        descriptor, then the seconds left until its deadline.
        """
        if self.state != PARKED:
            return None
        reason = self.kind
        if self.fd >= 0:
            reason += f" fd {self.fd}"
        elif self.obj is not None:
            reason += " " + brief(self.obj)
        if self.timer.place >= 0:
            reason += f", {(self.timer.when - now_ns()) / <double>NSEC:.3f} s left"
        return reason

    @property
    def wait_kind(self):
        """The kind of the wait reason; None when it is not parked."""
        return self.kind if self.state == PARKED else None

    @property
    def wait_object(self):
        """The object it waits for (a file descriptor's number for I/O), or None."""
        if self.state != PARKED:
            return None
        return self.fd if self.fd >= 0 else self.obj

    # -- how it ended -------------------------------------------------------

    @property
    def done(self):
        """Whether it has finished, by returning, failing or being cancelled."""
        return self.state == DONE

    @property
    def exception(self):
        """The exception it ended with, or None; reading it counts as collecting it."""
        if not self.failed:
            return None
        self.collected = True
        return self.value

    def join(self, seconds=None):
        """Wait until the task is done; its exception is not raised here.

        Args:
          seconds: give up after so long; None waits for ever.

        Returns:
          Whether it is done.

        Raises:
          TaskError: a task joins itself, or the task was left behind: its thread ended
            before it, or this is a forked child and it stayed in the parent.
          Cancelled: the *calling* task was cancelled.

        Parks: if the task is not done.
        Woken by: the task's end, or the deadline.
        Threads: any; a task of another thread may be joined.
        """
        cdef Scheduler hub
        cdef Task me
        cdef int64_t deadline
        if self.state == DONE:
            return True
        hub = here()
        me = hub.current
        if me is self:
            raise TaskError(f"task {self.name!r} cannot join itself: it would wait for ever")
        # Whatever may run Python code, and let the task end in another thread, precedes the look.
        deadline = deadline_in(seconds)
        hub.may_park(me, True)
        if self.state == DONE:
            return True
        if self.state == ABANDONED:
            raise TaskError(never_ends(self))
        node_append(&self.joiners, &me.node)
        try:
            hub.park("join", self, deadline, True)
        finally:
            if node_linked(&me.node):
                node_unlink(&me.node)
        return self.state == DONE

    def result(self, seconds=None):
        """Wait for the task and return what its function returned.

        Args:
          seconds: give up after so long; None waits for ever.

        Raises:
          TimeoutError: it is not done after ``seconds``; it goes on running.
          BaseException: what the task ended with, ``Cancelled`` if it was cancelled.

        Parks, woken by, threads: as :meth:`join`.
        """
        if not self.join(seconds):
            raise TimeoutError(f"task {self.name!r} is not done after {seconds} s")
        if self.failed:
            self.collected = True
            # Anew each time: else it would grow by, and keep, the frames of all who asked.
            raise self.value.with_traceback(self.obj)
        return self.value

    def cancel(self, msg=None):
        """Ask the task to stop: ``Cancelled`` is raised in it at its next checkpoint, once.

        A task that has not started never runs. A task may catch the exception,
        clean up, and even go on; every further call is a further request.

        Returns:
          Whether there was anything to cancel: False once the task is done or left behind.

        Parks: never. Threads: any.
        """
        return self.cancel_at(msg, caller_place())

    cdef bint cancel_at(self, object msg, object place) except -1:
        """:meth:`cancel`, as if called at ``place``."""
        if self.state == DONE or self.state == ABANDONED:
            return False
        exc = Cancelled(f"task {self.name!r} was cancelled" if msg is None else msg)
        exc.by = caller_name()
        exc.where = place
        self.cancel_with(exc)
        return True

    cdef bint cancel_with(self, object request) noexcept:
        """Have ``request`` raised: now if the task waits where that may be, else at a checkpoint.

        An exception, or a Canceller, which makes one.
        """
        # Made first: an allocation may let another thread run, and the task must not
        # park between the look at its state and the request.
        cdef list requests = [request]
        cdef short depth = (<Canceller>request).depth if isinstance(request, Canceller) else 0
        if self.state == PARKED and self.cancellable and self.shields <= depth:
            return self.hub.wake(self, THROWN, request)
        if self.requests is None:
            self.requests = requests
        else:
            self.requests.append(request)
        return False

    # -- what a greenlet could do and a task must not ------------------------

    @property
    def run(self):
        # greenlet asks for ``run`` as it starts one; nobody else gets it.
        if self.state == RUNNING and self.target == NULL:
            return bootstrap
        raise TaskError(f"task {self.name!r} is run by its hub; spawn another task instead")

    # A raw greenlet inside the task may go back to it: SQLAlchemy's does.

    def switch(self, *args, **kwargs):
        if runs_here(self):
            return greenlet.switch(self, *args, **kwargs)
        raise TaskError(refusal(self, "switch to"))

    def throw(self, *args, **kwargs):
        if runs_here(self):
            return greenlet.throw(self, *args, **kwargs)
        raise TaskError(refusal(self, "throw into"))


cdef str name_of_thread(unsigned long ident):
    """The thread's name, if the threading module knows it; makes no Thread and no hub."""
    threading = sys.modules.get("threading")
    thread = getattr(threading, "_active", {}).get(ident)
    return thread.name if thread is not None else f"thread {ident}"


cdef bint runs_here(Task task) except -1:
    return task.state == RUNNING and here().current is task


cdef str refusal(Task task, str what):
    owner = task.hub.thread_name if task.hub is not None else "a thread that has ended"
    return (
        f"cannot {what} task {task.name!r} of {owner} from thread "
        f"{name_of_thread(PyThread_get_thread_ident())!r}: only a hub switches tasks; "
        f"use join(), result(), cancel() or weft.lowlevel.unpark()"
    )


cdef str function_name(object fn):
    """Its qualified name, else that of its type; ``fn`` itself when it is a name already."""
    if isinstance(fn, str):
        return fn
    while type(fn) is partial:
        fn = fn.func
    try:
        name = fn.__qualname__
    except Exception:            # a mock or a remote proxy may answer with anything
        name = None
    return name if type(name) is str else type(fn).__qualname__


cdef str brief(object obj):
    """An object of the program's, in words. Tasks by name: they may wait for one another."""
    if isinstance(obj, Task):
        return f"task {obj.name!r}"
    try:
        return repr(obj)
    except Exception as exc:     # what is said of an object must not fail with it
        return f"<{type(obj).__qualname__} whose repr raised {type(exc).__name__}>"


cdef str caller_name():
    """The running task in words, or the thread; makes no hub."""
    cdef PyObject* hub = present()
    if hub != NULL and (<Scheduler>hub).current is not None:
        return f"task {(<Scheduler>hub).current.name!r}"
    return f"thread {name_of_thread(PyThread_get_thread_ident())!r}"


cdef object caller_place():
    """Where the running Python code is, as ``(code object, bytecode offset)``; None if nowhere."""
    cdef PyObject* frame = PyEval_GetFrame()
    if frame == NULL:
        return None
    return PyFrame_GetCode(frame), PyFrame_GetLasti(frame)


cdef object line_at(object code, int lasti):
    for start, end, line in code.co_lines():
        if start <= lasti < end:
            return line
    return code.co_firstlineno


cdef str never_ends(Task task):
    return (f"task {task.name!r} never ends: its thread {task.hub.thread_name!r} ended before it, "
            f"or it stayed in the parent of this forked process")


cdef str describe(Task task):
    place = task.spawn_place
    return f"task {task.name!r}" + (f", spawned at {place}" if place else "")


def live_objects():
    """How many Task objects there are, done ones included; None unless this is a debug build."""
    return weft_counted if WEFT_DEBUG else None
