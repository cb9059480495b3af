# cython: binding=False
# Plain method descriptors: the interpreter calls them faster than Cython's own functions.
"""Lock and RLock: ``_thread.lock`` and ``_thread.RLock`` for tasks and threads alike.

Owns: who holds a lock and who waits for it. Must not know: threads as Python
sees them. A caller parks in ``acquire`` when somebody else holds the lock;
``release`` wakes it, from any thread, and never switches.

A lock is handed over: ``release`` makes the first waiter the holder before it
wakes it, so nobody overtakes, and a task that takes the lock in a loop starves
no one. A waiter that has timed out or was cancelled is not in the list any
more; one that was handed the lock is no longer parked, so neither can happen
to it. So nothing is lost either way.

``with lock`` and ``acquire()`` without a timeout switch, but deliver no
cancellation: libraries take such locks while they clean up. What does wait
for news is a ``Condition``: its waiters are locks of ``allocate_signal``.
There a release is meant for one waiter, so a waiter it finds already
cancelled or timed out, but not yet running, takes it all the same; and one
that has given up cannot be released any more, so that ``notify`` passes it
over while it waits for the condition's own lock to leave.
"""

import sys

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

cimport cython

from weft._core import _waits
from weft._core._hub cimport Hub, get_hub, peek_hub
from weft._core._local cimport caller, ident_of
from weft._core._sys cimport forever
from weft._core._task cimport WOKEN, Task
from weft._core._waitlist cimport (
    list_empty,
    list_init,
    node_append,
    node_linked,
    node_pop,
    node_unlink,
)
from weft._core._waits cimport breathe, deadline_after, patience_of, put_back, wake_first

cdef extern from "Python.h":
    unsigned long PyThread_get_thread_ident() noexcept

TIMEOUT_MAX = _waits.TIMEOUT_MAX
# A class until 3.13 only in name: threading.Lock was a function, and its type could not be called.
cdef bint is_callable = sys.version_info >= (3, 13)


@cython.final
cdef class Lock:
    """A mutex for tasks of any hub and for native threads; as :class:`threading.Lock`.

    Anybody may release it. Waiters get it in the order they came.

    Parks: ``acquire`` and ``with``, while somebody else holds it.
    Woken by: ``release``, the timeout; a cancellation if there is a timeout.

    Example:
      >>> import weft.threading
      >>> mutex = weft.threading.Lock()
      >>> with mutex:
      ...     mutex.locked()
      True
    """

    def __cinit__(self):
        list_init(&self.waiters)

    def __init__(self):
        if not is_callable:
            raise TypeError(f"cannot create '{type(self).__module__}.Lock' instances")

    def __dealloc__(self):
        # Nobody is left whom it could be handed to: a waiter holds a reference.
        while node_pop(&self.waiters) != NULL:
            pass

    def acquire(self, blocking=True, timeout=-1):
        """Take the lock, waiting for it if need be.

        Args:
          blocking: whether to wait.
          timeout: seconds to wait at most; -1 for ever.

        Returns:
          Whether the caller has it now.

        Raises:
          ValueError: a negative timeout, or one together with ``blocking=False``.
          OverflowError: a timeout above ``TIMEOUT_MAX``.
          Cancelled: only while it waits with a timeout.

        Parks: while somebody else holds it. Threads: any.
        """
        return self.take(patience_of(blocking, timeout))

    def acquire_lock(self, blocking=True, timeout=-1):
        """An obsolete name of :meth:`acquire`."""
        return self.take(patience_of(blocking, timeout))

    def release(self):
        """Give the lock up, to the first who waits for it.

        Raises:
          RuntimeError: nobody holds it.

        Parks: never; may be called anywhere. Threads: any.
        """
        if not self.held and not self.is_open:
            raise RuntimeError("release unlocked lock")
        self.give()

    def release_lock(self):
        """An obsolete name of :meth:`release`."""
        self.release()

    def locked(self):
        """Whether somebody holds it."""
        return self.held

    def locked_lock(self):
        """An obsolete name of :meth:`locked`."""
        return self.held

    def __enter__(self):
        return self.take(forever())

    def __exit__(self, kind=None, value=None, traceback=None):
        if not self.held and not self.is_open:
            raise RuntimeError("release unlocked lock")
        self.give()

    def _at_fork_reinit(self):
        while node_pop(&self.waiters) != NULL:
            pass
        self.held = self.is_open = False

    def __repr__(self):
        return (f"<{'locked' if self.held else 'unlocked'} "
                f"{type(self).__module__}.Lock object at {<unsigned long><void*>self:#x}>")

    def __reduce__(self):
        raise TypeError(f"cannot pickle '{type(self).__module__}.Lock' object")

    cdef bint take(self, int64_t patience) except -1:
        breathe()
        if not self.held:
            self.held = not self.is_open
            self.taker = taker()
            return True
        if patience == 0:
            return False
        return self.wait_for_news(patience) if self.is_signal else self.wait(patience)

    cdef bint wait_for_news(self, int64_t patience) except -1:
        """Wait for a signal's release, as ``Condition.wait`` does once its task has taken it."""
        cdef bint is_own = self.taker == taker()
        try:
            if self.wait(patience):
                return True
        except BaseException as exc:
            if not self.held:
                # Released after exc was sent and before it arrived: as if it came later.
                put_back(get_hub().current, exc)
                return self.take(0)
            self.held = not is_own
            raise
        # Given up: notify() finds it unlocked and takes the next waiter instead (gh-92530).
        self.held = not is_own
        return False

    cdef bint wait(self, int64_t patience) except -1:
        cdef Hub hub = get_hub()
        cdef Task me = hub.current
        cdef bint cancellable = self.is_signal or self.is_latch or patience != forever()
        # Whatever may run Python code, and let another thread release, runs before the last look.
        hub.may_park(me, cancellable)
        me.value = None
        if not self.held:
            self.held = not self.is_open
            self.taker = me.id
            return True
        node_append(&self.waiters, &me.node)
        try:
            if hub.park("lock", self, deadline_after(patience), cancellable) == WOKEN:
                me.value = None
                return True
        finally:
            if node_linked(&me.node):
                node_unlink(&me.node)
            if me.value is self:
                # Handed over, but something else threw into this greenlet.
                me.value = None
                self.give()
        if self.held:
            return False
        self.held = not self.is_open
        self.taker = me.id
        return True

    cdef void give(self) noexcept:
        cdef Task next_taker
        if self.is_latch:
            self.is_open = True
            self.held = False
            while wake_first(&self.waiters, None) is not None:
                pass
        elif list_empty(&self.waiters):
            self.held = False
        else:
            next_taker = wake_first(&self.waiters, self)
            if next_taker is None:
                self.held = False
            else:
                self.taker = next_taker.id


cdef uint64_t taker() noexcept:
    """Who calls. Anybody may release a Lock, so this is only for those who ask why it is held."""
    cdef PyObject* hub = peek_hub()
    if hub == NULL:
        return PyThread_get_thread_ident()
    return (<Hub>hub).current.id if (<Hub>hub).current is not None else 0


cdef class RLock:
    """A lock its holder can take again; as :class:`threading.RLock`.

    The holder is a task, or an OS thread where that runs no tasks, and only
    it can release the lock. Waiters get it in the order they came.

    Parks, woken by, threads: as a :class:`Lock`.
    """

    def __cinit__(self, *args, **kwargs):
        list_init(&self.waiters)

    def __init__(self, *args, **kwargs):
        # The stdlib's takes any arguments, too.
        pass

    def __dealloc__(self):
        while node_pop(&self.waiters) != NULL:
            pass

    def acquire(self, blocking=True, timeout=-1):
        """Take the lock once more, waiting for it if another holds it; as ``Lock.acquire``."""
        return self.take(patience_of(blocking, timeout))

    def release(self):
        """Undo one :meth:`acquire`; the last one gives the lock to the first who waits.

        Raises:
          RuntimeError: the caller does not hold it.

        Parks: never. Threads: the holder's.
        """
        self.undo()

    def __enter__(self):
        return self.take(forever())

    def __exit__(self, kind=None, value=None, traceback=None):
        self.undo()

    def _is_owned(self):
        return self.count != 0 and self.owner == caller()

    def _recursion_count(self):
        return self.count if self.owner == caller() else 0

    def _release_save(self):
        if self.count == 0:
            raise RuntimeError("cannot release un-acquired lock")
        state = (self.count, self.owner)
        self.give()
        return state

    def _acquire_restore(self, state):
        """Take the lock back; what is thrown meanwhile is raised at the next checkpoint."""
        cdef list thrown = []
        cdef bint taken = False
        count, owner = state
        while not taken:
            try:
                taken = self.take(forever())
            except BaseException as exc:
                thrown.append(exc)
        self.count = count
        self.owner = owner
        for exc in reversed(thrown):
            put_back(get_hub().current, exc)

    def _at_fork_reinit(self):
        while node_pop(&self.waiters) != NULL:
            pass
        self.owner = self.count = 0

    def __repr__(self):
        kind = type(self)
        return (f"<{'locked' if self.count else 'unlocked'} {kind.__module__}.{kind.__qualname__} "
                f"object owner={self.owner} count={self.count} "
                f"at {<unsigned long><void*>self:#x}>")

    def __reduce__(self):
        raise TypeError(f"cannot pickle '{type(self).__module__}.RLock' object")

    cdef bint take(self, int64_t patience) except -1:
        cdef unsigned long me = caller()
        if self.count != 0 and self.owner == me:
            self.count += 1
            return True
        breathe()
        if self.count == 0:
            self.owner = me
            self.count = 1
            return True
        if patience == 0:
            return False
        return self.wait(patience)

    cdef bint wait(self, int64_t patience) except -1:
        cdef Hub hub = get_hub()
        cdef Task me = hub.current
        hub.may_park(me, patience != forever())
        me.value = None
        if self.count == 0:
            self.owner = ident_of(me)
            self.count = 1
            return True
        node_append(&self.waiters, &me.node)
        try:
            if hub.park("lock", self, deadline_after(patience), patience != forever()) == WOKEN:
                me.value = None
                return True
        finally:
            if node_linked(&me.node):
                node_unlink(&me.node)
            if me.value is self:
                # Handed over, but something else threw into this greenlet.
                me.value = None
                self.give()
        if self.count != 0:
            return False
        self.owner = ident_of(me)
        self.count = 1
        return True

    cdef int undo(self) except -1:
        if self.count == 0 or self.owner != caller():
            raise RuntimeError("cannot release un-acquired lock")
        self.count -= 1
        if self.count == 0:
            self.give()
        return 0

    cdef void give(self) noexcept:
        cdef Task next_owner = wake_first(&self.waiters, self)
        if next_owner is None:
            self.owner = self.count = 0
        else:
            self.owner = ident_of(next_owner)
            self.count = 1


def allocate_lock():
    """A new :class:`Lock`, not held; what ``threading.Lock`` was until 3.12."""
    return Lock.__new__(Lock)


def allocate_signal():
    """A lock for one task to wait on until another releases it; see the top of this file.

    ``acquire`` on it delivers a cancellation, unless the lock was released
    before: then it returns, and the cancellation comes at the next checkpoint.
    """
    cdef Lock self = Lock.__new__(Lock)
    self.is_signal = True
    return self


def allocate_latch():
    """A lock that stands for something to come: held until then, and open ever after.

    Its first release opens it: that wakes everybody who waits, and from then
    on ``acquire`` succeeds at once, holding nothing, and ``release`` does
    nothing. ``acquire`` on it delivers a cancellation.
    """
    cdef Lock self = Lock.__new__(Lock)
    self.is_latch = True
    return self


def holder(lock):
    """Who holds ``lock``, as a number: a task's id or identity, or a thread's identity.

    Returns:
      0 when nobody does, or it is not known; None for what nobody holds as one does a mutex:
      a signal or a latch.

    Parks: never. Threads: any.
    """
    cdef Lock plain
    if isinstance(lock, RLock):
        return (<RLock>lock).owner
    plain = lock
    if plain.is_signal or plain.is_latch:
        return None
    return plain.taker if plain.held else 0
