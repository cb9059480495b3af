"""Deadlines over a block of code, and shields against cancellation.

Owns: a block's deadline and what becomes of it. Must not know: the poller,
groups. Nothing here parks. A deadline that passes asks the block's task to
stop, as ``Task.cancel`` does; the block's end turns that into TimeoutError, or
into silence, and withdraws a request that has not been raised by then. So
each block answers for its own deadline, whatever the order they expire in.
"""

from cpython.object cimport PyObject
from libc.math cimport NAN, INFINITY
from libc.stdint cimport int64_t

cimport cython

from weft._core._clock cimport now_ns
from weft._core._hub cimport Hub, get_hub
from weft._core._sys cimport NSEC, forever
from weft._core._task cimport Task, caller_place, deadline_at, deadline_in
from weft._core._timers cimport timer_init

from types import GenericAlias

from weft._errors import Cancelled, TaskError


# Its destructor needs the timers. A cycle it is in is taken apart by its task or the Cancelled.
@cython.no_gc_clear
@cython.final
cdef class Timeout(Canceller):
    """A deadline over a ``with`` block; made by :func:`timeout` and its relatives.

    Example:
      >>> import weft
      >>> with weft.move_on_after(0.01) as limit:
      ...     weft.sleep(60)
      >>> limit.expired
      True
    """

    __class_getitem__ = classmethod(GenericAlias)

    def __cinit__(self):
        timer_init(&self.timer, <PyObject*>self)
        self.when = forever()
        self.seconds = NAN

    def __init__(self, *args, **kwargs):
        raise TypeError("a Timeout is made by weft.timeout(seconds) or weft.move_on_after(seconds)")

    def __dealloc__(self):
        # Not by way of the hub, which may be in the same cycle, and be cleared already.
        if self.timer.place >= 0:
            self.timers.cancel(&self.timer)

    def __enter__(self):
        cdef Hub hub = get_hub()
        if self.used:
            raise TaskError(f"{self!r} has been entered before; make another one for each block")
        if hub.current is None:
            raise TaskError("a timeout needs a task; this code runs in the hub")
        self.used = True
        self.timers = hub.timers
        self.task = hub.current
        self.depth = self.task.shields
        self.set_deadline(self.when)
        return self

    def __exit__(self, kind, exc, traceback):
        cdef Task task = self.task
        if task is None or get_hub().current is not task:
            raise TaskError(f"{self!r} must be left by the task that entered it, once")
        self.timers.cancel(&self.timer)
        self.task = None
        # Let go of: it knows this scope, and its traceback every frame it came through.
        cancelled, self.cancelled = self.cancelled, None
        if self.requested:
            withdraw_request(task, self, cancelled)
        if exc is None or exc is not cancelled:
            return False
        self.cut = True
        if self.silent:
            return True
        # Not "from": the Cancelled is being handled, so it is the context, and where it struck.
        raise TimeoutError(str(exc))

    @property
    def deadline(self):
        """When it expires, in seconds on :func:`weft.now`'s clock; ``inf`` for never. May be set,
        before the block and in it, to give it more time or less; to None for no limit.

        Raises:
          TaskError: it has expired already, or it is set from another thread.
        """
        return INFINITY if self.when == forever() else self.when / <double>NSEC

    @deadline.setter
    def deadline(self, value):
        cdef double seconds = INFINITY if value is None else value
        cdef int64_t when = deadline_at(seconds)
        if seconds != seconds:
            raise ValueError("a deadline is a number of seconds, got nan")
        if self.task is not None:
            if get_hub() is not self.task.hub:
                raise TaskError("a deadline is set in the thread whose task it is over")
            if self.cancelled is not None:
                raise TaskError(f"{self!r} has expired and its block is being left; "
                                "set the deadline before that")
            self.timers.cancel(&self.timer)
            if self.requested:
                withdraw_request(self.task, self, None)
                self.requested = False
            self.set_deadline(when)
        self.when = when
        self.seconds = NAN

    @property
    def expired(self):
        """Whether the block was left because its deadline had passed."""
        return self.cut

    def __repr__(self):
        state = "over" if self.used and self.task is None else f"deadline {self.deadline:.3f}"
        if self.cut:
            state = "expired"
        return f"<weft.Timeout {state}>"

    cdef int set_deadline(self, int64_t when) except -1:
        if when == forever():
            return 0
        if when <= now_ns():
            self.on_deadline()       # no need for the hub: it is raised at the next checkpoint
        else:
            self.timers.arm(&self.timer, when)
        return 0

    cdef void on_deadline(self) noexcept:
        if self.task is not None and not self.requested:
            self.requested = True
            self.task.cancel_with(self)

    cdef bint stops(self, Task task) noexcept:
        return self.task is task

    cdef object exception(self):
        """Made in the task; the same again if it was put back before it was seen."""
        if self.cancelled is None:
            if self.seconds == self.seconds:
                text = f"the timeout of {self.seconds:g} s expired"
            else:
                text = f"the deadline {self.when / <double>NSEC:.3f} passed"
            exc = Cancelled(text)
            exc.where = self.place
            exc.scope = self
            self.cancelled = exc
        return self.cancelled


cdef int withdraw_request(Task task, object request, object raised) except -1:
    """Take what was asked of ``task`` and not yet raised out of what waits to be."""
    if task.requests is not None:
        task.requests = [each for each in task.requests
                         if each is not request and each is not raised] or None
    return 0


cdef Timeout new_timeout(object seconds, bint silent):
    cdef Timeout made = Timeout.__new__(Timeout)
    made.when = deadline_in(seconds)
    made.seconds = NAN if seconds is None else seconds
    made.place = caller_place()
    made.silent = silent
    return made


def timeout(seconds, /):
    """A ``with`` block that raises TimeoutError if it takes longer than ``seconds``.

    The task in it is cancelled at its next checkpoint after the deadline; what
    it raises while it cleans up passes on as it is. Blocks nest in any order,
    and each turns only its own deadline into TimeoutError.

    Args:
      seconds: from now; not positive: expires at the first checkpoint; None: no limit.

    Returns:
      The :class:`Timeout`, whose ``deadline`` may be moved.

    Raises:
      TimeoutError: by the block, if its deadline passed and it was cut short. Its text says
        which timeout; its context, a :class:`weft.Cancelled`, where it struck.

    Parks: never. Threads: any; left by the task that entered it.

    Example:
      >>> import weft
      >>> try:
      ...     with weft.timeout(0.01):
      ...         weft.sleep(60)
      ... except TimeoutError:
      ...     print("too late")
      too late
    """
    return new_timeout(seconds, False)


def timeout_at(double deadline, /):
    """:func:`timeout` with an absolute deadline, in seconds on :func:`weft.now`'s clock."""
    cdef Timeout made = new_timeout(None, False)
    if deadline != deadline:
        raise ValueError("a deadline is a number of seconds, got nan")
    made.when = deadline_at(deadline)
    return made


def move_on_after(seconds, /):
    """A ``with`` block that is left after ``seconds`` without an error; see ``expired``.

    As :func:`timeout` in all else.
    """
    return new_timeout(seconds, True)


@cython.final
cdef class Shield:
    """Holds cancellation back in a ``with`` block; made by :func:`shield`."""

    def __enter__(self):
        cdef Task me = get_hub().current
        if self.task is not None:
            raise TaskError("this shield is in use; make another one for each block")
        if me is None:
            raise TaskError("a shield needs a task; this code runs in the hub")
        self.task = me
        me.shields += 1
        return self

    def __exit__(self, kind, exc, traceback):
        cdef Task task = self.task
        if task is None or get_hub().current is not task:
            raise TaskError("a shield must be left by the task that entered it, once")
        self.task = None
        task.shields -= 1
        return False


def shield():
    """A ``with`` block in which the task is not cancelled, for clean-up that must not be cut short.

    Requests from outside of the block are held back until it ends, and are
    raised at the next checkpoint after it. Timeouts inside the block work.

    Parks: never. Threads: any; left by the task that entered it.

    Example:
      >>> import weft
      >>> with weft.shield(), weft.move_on_after(5):
      ...     weft.sleep(0)      # say goodbye, within five seconds
    """
    return Shield.__new__(Shield)
