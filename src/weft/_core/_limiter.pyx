# cython: binding=False
# Plain method descriptors: the interpreter calls them faster than Cython's own functions.
"""CapacityLimiter: so many tasks may do a thing at once, and it knows which.

Owns: who has a token, and who waits for one. A caller parks in ``acquire``
while none is left; ``release``, or a larger ``total``, wakes it, from any
thread, and never switches.

A token is handed over, as a lock is (_mutex.pyx says why nothing is lost). Its
holders are references to tasks, so that a report can name who ended with one.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

cimport cython

from weft._core._hub cimport Hub, get_hub
from weft._core._mutex cimport running_task
from weft._core._sys cimport forever
from weft._core._task cimport WOKEN, Task
from weft._core._waitlist cimport (
    WaitList,
    list_init,
    list_length,
    node_append,
    node_linked,
    node_pop,
    node_unlink,
)
from weft._core._waits cimport breathe, wait_deadline, wake_first

from weft._errors import TaskError


@cython.final
cdef class CapacityLimiter:
    """Limits how many tasks do something at once, each with a token of its own.

    Args:
      total: how many tokens there are.

    Raises:
      ValueError: ``total`` is less than 1.

    Parks: ``acquire`` and ``with``, while every token is borrowed.
    Woken by: ``release``, more tokens, the deadline, a cancellation. Threads: any.

    Example:
      >>> import weft
      >>> connections = weft.CapacityLimiter(10)
      >>> with connections:
      ...     connections.available
      9
    """

    # Invariant: nobody waits while fewer than total have a token.
    cdef WaitList waiters    # head: tasks that wait for a token, oldest first
    cdef dict tokens         # keys: the tasks that have one, in the order they got it
    cdef Py_ssize_t limit    # how many there are; fewer than are borrowed after a lowering
    cdef object __weakref__

    def __cinit__(self):
        list_init(&self.waiters)
        self.tokens = {}
        self.limit = 1

    def __init__(self, Py_ssize_t total):
        self.total = total

    def __dealloc__(self):
        # Nobody is left whom a token could be handed to: a waiter holds a reference.
        while node_pop(&self.waiters) != NULL:
            pass

    @property
    def total(self):
        """How many tokens there are; may be set at any time.

        More go to those who wait at once. With fewer, nobody loses his: none
        is lent until enough have come back.

        Raises:
          ValueError: it is less than 1.
        """
        return self.limit

    @total.setter
    def total(self, Py_ssize_t value):
        if value < 1:
            raise ValueError(f"a CapacityLimiter needs a total of at least 1, not {value}")
        self.limit = value
        self.admit()

    @property
    def borrowed(self):
        """How many tokens are lent."""
        return len(self.tokens)

    @property
    def available(self):
        """How many tokens are left to lend."""
        return max(0, self.limit - len(self.tokens))

    def holders(self):
        """The tasks that have a token, as a list, in the order they got it."""
        return list(self.tokens)

    def locked(self):
        """Whether no token is left."""
        return len(self.tokens) >= self.limit

    def acquire(self, seconds=None):
        """Borrow a token, waiting for one if need be.

        Args:
          seconds: give up after so long; None waits for ever, 0 does not wait.

        Returns:
          Whether the caller has one now.

        Raises:
          TaskError: the caller has one already.
          Cancelled: the task was cancelled while it waited.
          TypeError, ValueError: ``seconds`` is no number of seconds.

        Parks: while every token is borrowed. Woken by: :meth:`release`, more tokens. Threads: any.
        """
        return self.take(forever() if seconds is None else wait_deadline(seconds))

    def release(self):
        """Give the caller's token back, to the first who waits for one.

        Raises:
          TaskError: the caller has none.

        Parks: never. Threads: any; the task that borrowed it.
        """
        cdef PyObject* me = running_task()
        if <Task>me not in self.tokens:
            raise TaskError(f"task {(<Task>me).name!r} cannot release {self!r}: it has no token; "
                            f"each task acquires its own, best by `with`")
        self.put(<Task>me)

    def __enter__(self):
        return self.take(forever())

    def __exit__(self, kind=None, value=None, traceback=None):
        self.release()

    def statistics(self):
        """Counts, as a dict: ``total`` tokens, those ``borrowed``, the tasks ``waiting``."""
        return {
            "total": self.limit,
            "borrowed": len(self.tokens),
            "waiting": list_length(&self.waiters),
        }

    def __repr__(self):
        return (f"<weft.CapacityLimiter at {<unsigned long><void*>self:#x} {len(self.tokens)} "
                f"of {self.limit} borrowed, {list_length(&self.waiters)} waiting>")

    cdef bint take(self, int64_t deadline) except -1:
        cdef PyObject* me
        breathe()
        me = running_task()
        if <Task>me in self.tokens:
            raise TaskError(f"task {(<Task>me).name!r} has a token of {self!r} already, and one "
                            f"is all a task gets; release it first, or spawn a task for the rest")
        if len(self.tokens) < self.limit:
            self.tokens[<Task>me] = None
            return True
        return deadline != 0 and self.wait(deadline)

    cdef bint wait(self, int64_t deadline) except -1:
        cdef Hub hub = get_hub()
        cdef Task me = hub.current
        # Whatever may run Python code, and let another thread release, runs before the last look.
        hub.may_park(me, True)
        me.value = None
        if len(self.tokens) < self.limit:
            self.tokens[me] = None
            return True
        node_append(&self.waiters, &me.node)
        try:
            if hub.park("limiter", self, deadline, True) == WOKEN:
                me.value = None
                return True
        finally:
            if node_linked(&me.node):
                node_unlink(&me.node)
            if me.value is self:
                # Handed over, but something else threw into this greenlet.
                me.value = None
                self.put(me)
        if len(self.tokens) >= self.limit:
            return False
        self.tokens[me] = None
        return True

    cdef int put(self, Task task) except -1:
        del self.tokens[task]
        return self.admit()

    cdef int admit(self) except -1:
        """Lend what there is to those who wait. No Python code runs: tasks compare by identity."""
        cdef Task task
        while len(self.tokens) < self.limit:
            task = wake_first(&self.waiters, self)
            if task is None:
                break
            self.tokens[task] = None
        return 0
