# cython: binding=False
# Plain method descriptors: the interpreter calls them faster than Cython's own functions.
"""Semaphore and BoundedSemaphore: a number of places, which nobody owns.

Owns: how many places are free, and who waits for one. A caller parks in
``acquire`` while none is free; ``release`` wakes the first, from any thread,
and never switches, so a destructor or signal handler may call it.

A place is handed over, as a lock is (_mutex.pyx says why nothing is lost). It
belongs to nobody: any task may release, so a report cannot name a holder.
"""

from libc.stdint cimport int64_t

cimport cython

from weft._core._hub cimport Hub, get_hub
from weft._core._sys cimport forever
from weft._core._task cimport WOKEN, Task
from weft._core._waitlist cimport (
    list_empty,
    list_init,
    list_length,
    node_append,
    node_linked,
    node_pop,
    node_unlink,
)
from weft._core._waits cimport breathe, wait_deadline, wake_first


cdef class Semaphore:
    """Admits so many at once; any task may release, as with :class:`threading.Semaphore`.

    To limit how many tasks do something, :class:`CapacityLimiter` knows who they are.

    Args:
      value: how many may pass before the first release.

    Raises:
      ValueError: ``value`` is negative.

    Parks: ``acquire`` and ``with``, while all places are taken.
    Woken by: ``release``, the deadline, a cancellation. Threads: any.

    Example:
      >>> import weft
      >>> places = weft.Semaphore(2)
      >>> with places:
      ...     places.statistics()
      {'value': 1, 'waiting': 0}
    """

    def __cinit__(self):
        list_init(&self.waiters)
        self.value = 1
        self.bound = -1

    def __init__(self, Py_ssize_t value=1):
        if value < 0:
            raise ValueError(f"semaphore initial value must be >= 0, not {value}")
        self.value = value

    def __dealloc__(self):
        # Nobody is left whom a place could be handed to: a waiter holds a reference.
        while node_pop(&self.waiters) != NULL:
            pass

    def acquire(self, seconds=None):
        """Take a place, waiting for one if need be.

        Args:
          seconds: give up after so long; None waits for ever, 0 does not wait.

        Returns:
          Whether the caller has one now.

        Raises:
          Cancelled: the task was cancelled while it waited.
          TypeError, ValueError: ``seconds`` is no number of seconds.

        Parks: while all places are taken. Woken by: :meth:`release`. Threads: any.
        """
        return self.take(forever() if seconds is None else wait_deadline(seconds))

    def release(self):
        """Give a place back, to the first who waits for one.

        Raises:
          ValueError: there would be more than a :class:`BoundedSemaphore` began with.

        Parks: never; may be called anywhere, also by a destructor. Threads: any.
        """
        self.put()

    def __enter__(self):
        return self.take(forever())

    def __exit__(self, kind=None, value=None, traceback=None):
        self.put()

    def locked(self):
        """Whether every place is taken."""
        return self.value == 0

    def statistics(self):
        """Counts, as a dict: the free places (``value``), and the tasks ``waiting`` for one."""
        return {"value": self.value, "waiting": list_length(&self.waiters)}

    def __repr__(self):
        bound = f" of {self.bound}" if self.bound >= 0 else ""
        return (f"<weft.{type(self).__name__} at {<unsigned long><void*>self:#x} "
                f"{self.value}{bound} free, {list_length(&self.waiters)} waiting>")

    cdef bint take(self, int64_t deadline) except -1:
        breathe()
        if self.value > 0:
            self.value -= 1
            return True
        return deadline != 0 and self.wait(deadline)

    cdef bint wait(self, int64_t deadline) except -1:
        cdef Hub hub = get_hub()
        cdef Task me = hub.current
        # Whatever may run Python code, and let another thread release, runs before the last look.
        hub.may_park(me, True)
        me.value = None
        if self.value > 0:
            self.value -= 1
            return True
        node_append(&self.waiters, &me.node)
        try:
            if hub.park("semaphore", self, deadline, True) == WOKEN:
                me.value = None
                return True
        finally:
            if node_linked(&me.node):
                node_unlink(&me.node)
            if me.value is self:
                # Handed over, but something else threw into this greenlet.
                me.value = None
                self.give()
        if self.value == 0:
            return False
        self.value -= 1
        return True

    cdef int put(self) except -1:
        if self.value == self.bound:
            raise ValueError(f"Semaphore released too many times: all places of {self!r} are "
                             f"free already; release once for each acquire")
        self.give()
        return 0

    cdef void give(self) noexcept:
        if list_empty(&self.waiters) or wake_first(&self.waiters, self) is None:
            self.value += 1


@cython.final
cdef class BoundedSemaphore(Semaphore):
    """A :class:`Semaphore` that notices a release too many.

    Args:
      value: how many may pass at once; more are never free.

    Example:
      >>> import weft
      >>> weft.BoundedSemaphore(3).release()
      Traceback (most recent call last):
      ValueError: Semaphore released too many times: ...
    """

    def __init__(self, Py_ssize_t value=1):
        Semaphore.__init__(self, value)
        self.bound = value
