# cython: binding=False
"""Crew: tasks that belong together but to no block, and are taken as they end.

Owns: its unfinished tasks, and those that have ended until somebody takes them.
Must not know: what they are for; ``weft.map``, ``gather``, ``first`` and ``Pool``
stand on it. A caller parks in ``take``; a task that ends wakes it.

A task of a crew ends in ``child_done`` whatever becomes of it: also one that was
cancelled before it ran, or was left behind by a fork or the end of its thread.
So no place and no result is ever waited for in vain.
"""

from collections import deque

cimport cython

from weft._core cimport _hub
from weft._core._api cimport spawn_task
from weft._core._hub cimport Hub, get_hub
from weft._core._semaphore cimport Semaphore
from weft._core._sys cimport forever
from weft._core._task cimport Task
from weft._core._waitlist cimport list_empty, list_init, node_append, node_linked, node_unlink
from weft._core._waits cimport breathe, wake_first

from weft._errors import Cancelled, TaskError


@cython.final
cdef class Crew(Canceller):
    """Tasks taken in the order they end, or, for a pool, places that they give back.

    Args:
      what: what they are for, in a word.
      place: code object and bytecode offset where that was made, for reports.
      places: of a pool: a place is given back to it as each task ends, and no task is kept.
    """

    def __cinit__(self):
        list_init(&self.taking)
        self.children = {}
        self.asked = set()

    def __init__(self, str what, place, Semaphore places=None):
        self.what = what
        self.place = place
        self.places = places
        self.ended = deque() if places is None else None

    def spawn(self, place, fn, tuple args=(), dict kwargs=None):
        """Start ``fn(*args, **kwargs)``, as :func:`weft.spawn`, as if spawned at ``place``.

        Raises:
          Cancelled: the crew has been cancelled.
          TypeError: ``fn`` cannot be called.

        Parks: never. Threads: any; the task belongs to the calling thread.
        """
        cdef Task task
        if self.reason is not None:
            raise self.exception()
        task = spawn_task(fn, args, kwargs, None, None)
        task.spawn_code, task.spawn_lasti = place
        task.group = self
        self.children[task] = None
        return task

    def take(self):
        """The task that has ended first of those not taken yet; None when there is none to come.

        Raises:
          TaskError: another task waits for one.
          Cancelled: the calling task was cancelled; nothing was taken.

        Parks: while none has ended, but some run. Woken by: the end of one. Threads: any.
        """
        breathe()
        while not self.ended:
            if not self.children:
                return None
            self.wait()
        return self.ended.popleft()

    def cancel(self, str reason, tasks=None):
        """Ask every task, or those of ``tasks``, to stop, each once; no more are spawned.

        Parks: never; may be called by a destructor. Threads: any.
        """
        if self.reason is None:
            self.reason = reason
        for task in list(self.children) if tasks is None else tasks:
            if task not in self.asked:
                self.asked.add(task)
                (<Task?>task).cancel_with(self)

    def cancel_each(self, place, msg=None):
        """:meth:`Task.cancel` of every task, as if called at ``place``; the crew goes on.

        Parks: never. Threads: any.
        """
        for task in list(self.children):
            (<Task?>task).cancel_at(msg, place)

    def abandon(self, str reason):
        """:meth:`cancel`, and nobody will take what ends: failures are logged.

        Parks: never; may be called by a destructor. Threads: any.
        """
        self.cancel(reason)
        # Not left to the last task that ends, on whose stack no destructor may park any more.
        self.ended = None

    @property
    def tasks(self):
        """Its unfinished tasks, oldest first."""
        return list(self.children)

    def oldest(self):
        """The unfinished task that was spawned first, or None."""
        for task in self.children:
            return task
        return None

    def holders(self):
        """Those that one who waits here waits for: the unfinished tasks."""
        return list(self.children)

    def __repr__(self):
        return f"<{self.name()}: {len(self.children)} tasks>"

    cdef str name(self):
        probe = Cancelled()
        probe.where = self.place
        return f"{self.what} at {probe.place}"

    cdef int wait(self) except -1:
        cdef Hub hub = get_hub()
        cdef Task me = hub.current
        # Whatever may run Python code, and let a task end in another thread, comes before the look.
        hub.may_park(me, True)
        if self.ended or not self.children:
            return 0
        if not list_empty(&self.taking):
            raise TaskError(f"another task takes results of {self.name()} already; "
                            "let one task take them, and hand them on through a queue")
        node_append(&self.taking, &me.node)
        try:
            hub.park("result", self, forever(), True)
        finally:
            if node_linked(&me.node):
                node_unlink(&me.node)
        return 0

    cdef void child_done(self, Task child) noexcept:
        """``child`` has ended, or never will."""
        self.children.pop(child, None)
        self.asked.discard(child)
        if self.places is not None:
            self.places.give()
        if child.failed and not isinstance(child.value, Cancelled):
            # Logged unless somebody asks. What is to end the program goes to the main task,
            # unless whoever takes it will raise it.
            if self.ended is None or not isinstance(child.value, (SystemExit, KeyboardInterrupt)):
                child.collected = False
                _hub.note_failure(child)
        if self.ended is not None:
            self.ended.append(child)
        wake_first(&self.taking, None)

    cdef object exception(self):
        return Cancelled(f"{self.name()}: {self.reason}")
