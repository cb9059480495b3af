# cython: binding=False
# Plain method descriptors: the interpreter calls them faster than Cython's own functions.
"""Condition: tasks wait for a change of what a lock guards.

Owns: who waits to be notified. Knows its lock. A caller parks in ``wait``
until it is notified, and then once more if the lock is held; ``notify`` wakes
it, from any thread, and never switches.

A notification goes to somebody who still waits: who timed out or was cancelled
is in the list no more. One that reached a waiter counts as taken when ``wait``
returns True; if an exception comes first it goes to the next.
"""

from libc.stdint cimport int64_t

cimport cython

from weft._core._hub cimport Hub, get_hub
from weft._core._mutex cimport Mutex, RLock
from weft._core._task cimport Task, deadline_in
from weft._core._waitlist cimport (
    list_init,
    list_length,
    node_append,
    node_linked,
    node_pop,
    node_unlink,
)
from weft._core._waits cimport put_back, wait_deadline, wake_first

cdef str HOLD_FIRST = "hold the lock first, best by `with`"


@cython.final
cdef class Condition:
    """Waits until another task changes what a lock guards, and says so.

    Args:
      lock: a :class:`Lock` or :class:`RLock`; by default an RLock of its own.

    Raises:
      TypeError: ``lock`` is neither.

    Parks: ``wait`` and ``wait_for``; ``acquire`` and ``with`` as the lock's do.
    Woken by: ``notify``, the deadline, a cancellation. Threads: any.

    Example:
      >>> import weft
      >>> changed, orders = weft.Condition(), []
      >>> def cook():
      ...     with changed:
      ...         changed.wait_for(lambda: orders)
      ...         return orders.pop()
      >>> task = weft.spawn(cook)
      >>> with changed:
      ...     orders.append("soup")
      ...     changed.notify()
      >>> task.result()
      'soup'
    """

    def __cinit__(self):
        list_init(&self.waiters)
        self.lock = RLock()

    def __init__(self, lock=None):
        if lock is None:
            return
        if not isinstance(lock, Mutex):
            raise TypeError(f"a Condition needs a weft.Lock or weft.RLock, not {lock!r}")
        self.lock = lock

    def __dealloc__(self):
        # Nobody is left who could be notified: a waiter holds a reference.
        while node_pop(&self.waiters) != NULL:
            pass

    def acquire(self, seconds=None):
        """Take the lock; as :meth:`Lock.acquire`."""
        return self.lock.acquire(seconds)

    def release(self):
        """Give the lock up; as :meth:`Lock.release`."""
        self.lock.release()

    def __enter__(self):
        return self.lock.acquire()

    def __exit__(self, kind=None, value=None, traceback=None):
        self.lock.release()

    def locked(self):
        """Whether some task holds the lock."""
        return self.lock.holder is not None

    def wait(self, seconds=None):
        """Give the lock up, wait to be notified, take the lock again.

        Look again at what you wait for: another task may have been faster.

        Args:
          seconds: give up after so long; None waits for ever. With 0 the lock is
            given up all the same, for as long as others want it.

        Returns:
          Whether it was notified in time.

        Raises:
          TaskError: the caller does not hold the lock.
          Cancelled: the task was cancelled while it waited. Raised, as any other
            exception, once the caller has the lock again.
          TypeError, ValueError: ``seconds`` is no number of seconds.

        Parks: always. Woken by: :meth:`notify`; then by whoever holds the lock, and that
        wait neither ends by ``seconds`` nor is it cancelled. Threads: any.
        """
        return self.pause(seconds_from_now(seconds))

    def wait_for(self, predicate, seconds=None):
        """Wait, notification after notification, until ``predicate()`` is true.

        Args:
          predicate: called with the lock held.
          seconds: give up after so long; None waits for ever.

        Returns:
          What ``predicate`` returned last: false if time was up.

        Raises, parks, woken by, threads: as :meth:`wait`.
        """
        cdef int64_t deadline = seconds_from_now(seconds)
        cdef bint in_time = True
        found = predicate()
        while not found and in_time:
            in_time = self.pause(deadline)
            found = predicate()
        return found

    def notify(self, Py_ssize_t n=1):
        """Wake the first ``n`` who wait; each goes on when it has the lock.

        Raises:
          TaskError: the caller does not hold the lock.

        Parks: never. Threads: that of the lock's holder.
        """
        self.lock.require_holder("cannot notify on the condition of", HOLD_FIRST)
        while n > 0 and wake_first(&self.waiters, self) is not None:
            n -= 1

    def notify_all(self):
        """Wake all who wait; as :meth:`notify`."""
        self.notify(list_length(&self.waiters))

    def statistics(self):
        """Counts, as a dict: the tasks ``waiting`` to be notified."""
        return {"waiting": list_length(&self.waiters)}

    def __repr__(self):
        return (f"<weft.Condition at {<unsigned long><void*>self:#x} "
                f"{list_length(&self.waiters)} waiting, on {self.lock!r}>")

    cdef bint pause(self, int64_t deadline) except -1:
        cdef Hub hub = get_hub()
        cdef Task me = hub.current
        cdef list thrown = []
        cdef unsigned long again
        cdef bint notified
        self.lock.require_holder("cannot wait on the condition of", HOLD_FIRST)
        # Whatever may run Python code runs before the lock is given up.
        hub.may_park(me, True)
        me.value = None
        again, self.lock.again = self.lock.again, 0
        self.lock.give()
        node_append(&self.waiters, &me.node)
        try:
            hub.park("condition", self, deadline, True)
        except BaseException as exc:
            thrown.append(exc)
        if node_linked(&me.node):
            node_unlink(&me.node)
        notified = me.value is self
        me.value = None
        self.lock.retake(thrown)
        self.lock.again = again
        if not thrown:
            return notified
        if notified:
            wake_first(&self.waiters, self)
        for exc in reversed(thrown[1:]):
            put_back(me, exc)
        raise thrown[0]


cdef int64_t seconds_from_now(object seconds) except -1:
    """The absolute deadline of a wait that lets others run even if it is over at once."""
    cdef int64_t deadline = wait_deadline(seconds)
    return deadline if deadline != 0 else deadline_in(0)
