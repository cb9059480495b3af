# cython: binding=False
# Plain method descriptors: the interpreter calls them faster than Cython's own functions.
"""Lock and RLock: weft's own, which know the task that holds them.

Owns: who holds a lock and who waits for it. Must not know: conditions, the
stdlib's locks (their counterparts are in _lock.pyx). A caller parks in
``acquire`` while another task holds the lock; ``release`` wakes it, from any
thread, and never switches.

A lock is handed over: ``release`` makes the first waiter the holder before
anybody runs, so nobody overtakes. Whoever timed out or was cancelled is in the
list no more, and whoever was handed the lock is no longer parked, so that
neither happens to it: nothing is lost either way.

The holder is a reference to its task, so that a report can name who ended
without giving the lock back. Only the holder can release, and it runs then: no
reference that is dropped here is the last one, and no Python code runs.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

cimport cython

from weft._core._hub cimport Hub, get_hub, peek_hub
from weft._core._sys cimport forever
from weft._core._task cimport ABANDONED, DONE, WOKEN, Task
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

from weft._errors import TaskError

cdef str ONLY_HOLDER = ("only its holder can, once for each acquire; "
                        "to let one task signal another use an Event or a Semaphore")


cdef class Mutex:
    """What Lock and RLock share; made as one of them."""

    def __cinit__(self, *args, **kwargs):
        list_init(&self.waiters)
        if args or kwargs:
            raise TypeError(f"weft.{type(self).__name__}() takes no arguments")

    def __dealloc__(self):
        # Nobody is left whom it could be handed to: a waiter holds a reference.
        while node_pop(&self.waiters) != NULL:
            pass

    @property
    def owner(self):
        """The task that holds it; None while it is free.

        It may have ended without releasing it, and then nobody can.
        """
        return self.holder

    def holders(self):
        """Who holds it, as a list of tasks: empty or of one."""
        holder = self.holder
        return [] if holder is None else [holder]

    def locked(self):
        """Whether some task holds it."""
        return self.holder is not None

    def statistics(self):
        """Counts, as a dict: how often it is ``held`` now, and the tasks ``waiting`` for it."""
        return {
            "held": 0 if self.holder is None else self.again + 1,
            "waiting": list_length(&self.waiters),
        }

    def __repr__(self):
        state = "free"
        if self.holder is not None:
            state = f"held by {ownership(self.holder)}"
            if self.again:
                state += f" {self.again + 1} times"
            state += f", {list_length(&self.waiters)} waiting"
        return f"<weft.{type(self).__name__} at {<unsigned long><void*>self:#x} {state}>"

    cdef bint take(self, PyObject* me, int64_t deadline) except -1:
        """Take what ``me`` does not hold: at once, or by waiting."""
        if self.holder is None:
            self.holder = <Task>me
            return True
        if deadline == 0:
            return False
        if self.holder.state == DONE or self.holder.state == ABANDONED:
            raise TaskError(f"{self!r} is never released: its holder ended without doing it; "
                            f"hold it by `with`, which releases it however the block ends")
        return self.wait(deadline, True)

    cdef bint wait(self, int64_t deadline, bint cancellable) except -1:
        cdef Hub hub = get_hub()
        cdef Task me = hub.current
        # Whatever may run Python code, and let another thread release, runs before the last look.
        hub.may_park(me, cancellable)
        me.value = None
        if self.holder is None:
            self.holder = me
            return True
        node_append(&self.waiters, &me.node)
        try:
            if hub.park("lock", self, deadline, cancellable) == WOKEN:
                me.value = None
                return True
        finally:
            if node_linked(&me.node):
                node_unlink(&me.node)
            if me.value is self:
                # Handed over, but something else threw into this greenlet.
                me.value = None
                self.give()
        if self.holder is not None:
            return False
        self.holder = me
        return True

    cdef void give(self) noexcept:
        """From the running task, which holds it, to the first who waits."""
        if list_empty(&self.waiters):
            self.holder = None
        else:
            self.holder = wake_first(&self.waiters, self)

    cdef int require_holder(self, str what, str remedy) except -1:
        cdef PyObject* me = running_task()
        if <PyObject*>self.holder != me:
            raise TaskError(f"{ownership(<Task>me)} {what} {self!r}: {remedy}")
        return 0

    cdef int retake(self, list thrown) except -1:
        """Take it whatever is thrown meanwhile, which is added to ``thrown``."""
        cdef bint taken = False
        while not taken:
            try:
                taken = self.wait(forever(), False)
            except BaseException as exc:
                thrown.append(exc)
        return 0


@cython.final
cdef class Lock(Mutex):
    """A mutex that knows the task which holds it.

    For tasks of any hub, and for native threads, whose main task it then is.
    Waiters get it in the order they came. Patched programs have
    ``threading.Lock``, which anybody may release; this one is its holder's.

    Parks: ``acquire`` and ``with``, while another task holds it.
    Woken by: ``release``, the deadline, a cancellation. Threads: any.

    Example:
      >>> import weft
      >>> lock = weft.Lock()
      >>> with lock:
      ...     lock.owner is weft.current()
      True
      >>> lock.locked()
      False
    """

    def acquire(self, seconds=None):
        """Take the lock, waiting for it if need be.

        Args:
          seconds: give up after so long; None waits for ever, 0 does not wait.

        Returns:
          Whether the caller has it now.

        Raises:
          TaskError: it would wait for ever: the caller has the lock already, or its holder
            ended without releasing it.
          Cancelled: the task was cancelled while it waited.
          TypeError, ValueError: ``seconds`` is no number of seconds.

        Parks: while another task holds it. Woken by: :meth:`release`. Threads: any.
        """
        return acquire_lock(self, forever() if seconds is None else wait_deadline(seconds))

    def release(self):
        """Give the lock up, to the first who waits for it.

        Raises:
          TaskError: the caller does not hold it.

        Parks: never. Threads: the holder's.
        """
        self.require_holder("cannot release", ONLY_HOLDER)
        self.give()

    def __enter__(self):
        return acquire_lock(self, forever())

    def __exit__(self, kind=None, value=None, traceback=None):
        self.require_holder("cannot release", ONLY_HOLDER)
        self.give()


cdef bint acquire_lock(Lock self, int64_t deadline) except -1:
    cdef PyObject* me
    breathe()
    me = running_task()
    if <PyObject*>self.holder == me and deadline != 0:
        raise TaskError(f"{self!r} is the caller's already: to wait for it would take for ever; "
                        f"where a holder may come again use RLock")
    return self.take(me, deadline)


@cython.final
cdef class RLock(Mutex):
    """A lock that its holder can take again; else as :class:`Lock`.

    It is free again after as many ``release`` as ``acquire``.

    Parks, woken by, threads: as a :class:`Lock`.

    Example:
      >>> import weft
      >>> lock = weft.RLock()
      >>> with lock, lock:
      ...     lock.statistics()
      {'held': 2, 'waiting': 0}
    """

    def acquire(self, seconds=None):
        """Take the lock once more, waiting for it if another task holds it.

        Args, returns, raises, parks: as :meth:`Lock.acquire`, without the error of taking it twice.
        """
        return acquire_rlock(self, forever() if seconds is None else wait_deadline(seconds))

    def release(self):
        """Undo one :meth:`acquire`; the last one gives the lock to the first who waits.

        Raises:
          TaskError: the caller does not hold it.

        Parks: never. Threads: the holder's.
        """
        release_rlock(self)

    def __enter__(self):
        return acquire_rlock(self, forever())

    def __exit__(self, kind=None, value=None, traceback=None):
        release_rlock(self)


cdef bint acquire_rlock(RLock self, int64_t deadline) except -1:
    cdef PyObject* me = running_task()
    if <PyObject*>self.holder == me:
        self.again += 1
        return True
    breathe()
    return self.take(me, deadline)


cdef int release_rlock(RLock self) except -1:
    self.require_holder("cannot release", ONLY_HOLDER)
    if self.again:
        self.again -= 1
    else:
        self.give()
    return 0


cdef PyObject* running_task() except NULL:
    cdef PyObject* hub = peek_hub()
    if hub == NULL:
        get_hub()                           # makes it; its thread keeps it
        hub = peek_hub()
    if (<Hub>hub).current is None:
        (<Hub>hub).may_park(None, False)    # raises: the hub itself can hold nothing
    return <PyObject*>(<Hub>hub).current


cdef str ownership(Task task):
    """The task's name, and whether it is too late to expect anything of it."""
    over = task.state == DONE or task.state == ABANDONED
    return f"task {task.name!r}" + (", which has ended" if over else "")
