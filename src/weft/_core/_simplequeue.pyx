"""SimpleQueue: ``_queue.SimpleQueue`` for tasks and threads alike.

Owns: items, and who waits for one. A caller parks in ``get`` on an empty
queue; ``put`` wakes it, from any thread, and never switches, so a destructor
or signal handler may call it.

An item is handed to the first who waits, so nobody overtakes; a getter that
was cancelled or timed out is no longer in the list, and one that was handed an
item can neither be cancelled nor time out there.
"""

from collections import deque
from types import GenericAlias

from _queue import Empty

from libc.stdint cimport int64_t

from weft._core._hub cimport Hub, get_hub
from weft._core._task cimport WOKEN, Task
from weft._core._waitlist cimport (
    WaitList,
    list_init,
    node_append,
    node_linked,
    node_pop,
    node_unlink,
)
from weft._core._waits cimport breathe, deadline_after, patience_of, wake_first


cdef class SimpleQueue:
    """An unbounded first-in first-out queue; as :class:`queue.SimpleQueue`.

    Example:
      >>> import weft.queue
      >>> pages = weft.queue.SimpleQueue()
      >>> getter = weft.spawn(pages.get)
      >>> pages.put("first")
      >>> getter.result()
      'first'
    """

    cdef WaitList waiters    # head: tasks that wait for an item; none while there is one
    cdef object items        # a deque
    cdef object __weakref__

    __class_getitem__ = classmethod(GenericAlias)

    def __cinit__(self):
        list_init(&self.waiters)
        self.items = deque()

    def __dealloc__(self):
        while node_pop(&self.waiters) != NULL:
            pass

    def put(self, item, block=True, timeout=None):
        """Put an item in; ``block`` and ``timeout`` are there for likeness, it never blocks.

        Parks: never; may be called anywhere. Threads: any.
        """
        if wake_first(&self.waiters, item) is None:
            self.items.append(item)

    def put_nowait(self, item):
        """The same as :meth:`put`."""
        self.put(item)

    def get(self, block=True, timeout=None):
        """Take the oldest item out, waiting for one if there is none.

        Args:
          block: whether to wait.
          timeout: seconds to wait at most; None for ever.

        Raises:
          queue.Empty: there is none, or none came in time.
          ValueError: ``timeout`` is negative.
          Cancelled: the task was cancelled while it waited.

        Parks: on an empty queue. Woken by: :meth:`put`, the timeout. Threads: any.
        """
        cdef int64_t patience = 0
        if block:
            if timeout is not None and timeout < 0:
                raise ValueError("'timeout' must be a non-negative number")
            patience = patience_of(True, -1 if timeout is None else timeout)
        breathe()
        if self.items:
            return self.items.popleft()
        if patience == 0:
            raise Empty
        return wait(self, patience)

    def get_nowait(self):
        """Take the oldest item out.

        Raises:
          queue.Empty: there is none.
        """
        return self.get(False)

    def empty(self):
        """Whether there is nothing in it."""
        breathe()
        return not self.items

    def qsize(self):
        """How many items are in it."""
        breathe()
        return len(self.items)


cdef object wait(SimpleQueue self, int64_t patience):
    cdef Hub hub = get_hub()
    cdef Task me = hub.current
    # Whatever may run Python code, and let another thread put, runs before the last look.
    hub.may_park(me, True)
    me.value = None
    if self.items:
        return self.items.popleft()
    node_append(&self.waiters, &me.node)
    try:
        if hub.park("queue", self, deadline_after(patience), True) != WOKEN:
            raise Empty
    finally:
        if node_linked(&me.node):
            node_unlink(&me.node)
    item = me.value
    me.value = None
    return item
