# cython: binding=False
# Plain method descriptors: the interpreter calls them faster than Cython's own functions.
"""Event: something that has happened, or not yet.

Owns: the flag, and who waits for it. Knows nothing but the hub. A caller parks
in ``wait`` while the flag is down; ``set`` wakes all of them, from any thread,
and never switches, so a destructor or signal handler may call it.

Whoever was woken by ``set`` returns True, though somebody may have called
``clear`` before it came to run: no wake-up is lost to a quick ``clear``.
"""

from libc.stdint cimport int64_t

cimport cython

from weft._core._hub cimport Hub, get_hub
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
from weft._core._waits cimport Choice, Selectable, breathe, wait_deadline, wake_first


@cython.final
cdef class Event(Selectable):
    """A flag that tasks of any hub, and native threads, can wait for.

    Parks: ``wait``, while it is not set.
    Woken by: ``set``, the deadline, a cancellation. Threads: any.

    Example:
      >>> import weft
      >>> ready = weft.Event()
      >>> waiter = weft.spawn(ready.wait, 5)
      >>> ready.set()
      >>> waiter.result()
      True
    """

    def __cinit__(self, *args, **kwargs):
        list_init(&self.waiters)
        if args or kwargs:
            raise TypeError(f"weft.{type(self).__name__}() takes no arguments")

    def __dealloc__(self):
        # Nobody is left who could be woken: a waiter holds a reference.
        while node_pop(&self.waiters) != NULL:
            pass

    def set(self):
        """Raise the flag and wake everybody who waits.

        Parks: never; may be called anywhere, also by a destructor. Threads: any.
        """
        self.flag = True
        while wake_first(&self.waiters, None) is not None:
            pass

    def clear(self):
        """Lower the flag: from now on ``wait`` waits."""
        self.flag = False

    def is_set(self):
        """Whether the flag is up."""
        breathe()
        return self.flag

    def wait(self, seconds=None):
        """Wait until the flag is up.

        Args:
          seconds: give up after so long; None waits for ever, 0 does not wait.

        Returns:
          Whether it was set in time.

        Raises:
          Cancelled: the task was cancelled while it waited.
          TypeError, ValueError: ``seconds`` is no number of seconds.

        Parks: while the flag is down. Woken by: :meth:`set`. Threads: any.
        """
        cdef int64_t deadline = forever() if seconds is None else wait_deadline(seconds)
        breathe()
        if self.flag or deadline == 0:
            return self.flag
        return self.pause(deadline)

    def statistics(self):
        """Counts, as a dict: the tasks ``waiting``."""
        return {"waiting": list_length(&self.waiters)}

    def __repr__(self):
        state = "set" if self.flag else f"not set, {list_length(&self.waiters)} waiting"
        return f"<weft.Event at {<unsigned long><void*>self:#x} {state}>"

    cdef bint pause(self, int64_t deadline) except -1:
        cdef Hub hub = get_hub()
        cdef Task me = hub.current
        # Whatever may run Python code, and let another thread set it, runs before the last look.
        hub.may_park(me, True)
        if self.flag:
            return True
        node_append(&self.waiters, &me.node)
        try:
            return hub.park("event", self, deadline, True) == WOKEN or self.flag
        finally:
            if node_linked(&me.node):
                node_unlink(&me.node)

    # -- a case of choose() -----------------------------------------------------------

    cdef bint ready(self) noexcept:
        return self.flag

    cdef bint perform(self, Choice choice) except -1:
        return self.flag

    cdef WaitList* line(self) noexcept:
        return &self.waiters
