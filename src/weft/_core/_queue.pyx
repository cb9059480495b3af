# cython: binding=False
# Plain method descriptors: the interpreter calls them faster than Cython's own functions.
"""Queue and LifoQueue: the stdlib's API, for tasks and threads alike.

Owns: in which order items leave, and the count of unfinished ones. A caller
parks in ``get`` on an empty queue, in ``put`` on a full one and in ``join``;
the opposite operation wakes it, from any thread; see _exchange.pyx.
``put_nowait`` and ``shutdown`` never switch, so a destructor may call them.
"""

import queue
from types import GenericAlias

cimport cython
from libc.stdint cimport int64_t, uint64_t

from weft import _errors
from weft._core._exchange cimport NOTHING, Exchange, Offer
from weft._core._hub cimport Hub, get_hub
from weft._core._sys cimport forever
from weft._core._task cimport Task
from weft._core._waitlist cimport (
    list_init,
    list_length,
    node_append,
    node_linked,
    node_pop,
    node_unlink,
)
from weft._core._waits cimport breathe, deadline_after, patience_of, wake_first

Empty = queue.Empty
Full = queue.Full
# Whoever catches the stdlib's error shall catch this, where the stdlib has it.
ShutDown = getattr(queue, "ShutDown", _errors.ShutDown)


# A queue in a cycle with its items is taken apart through its list or deque.
@cython.no_gc_clear
cdef class Queue(Exchange):
    """A first-in first-out queue for tasks of any hub and threads; as :class:`queue.Queue`.

    Getters are served in the order they came, and so are putters.

    Args:
      maxsize: how many items it holds; with 0 or less there is no limit.

    Example:
      >>> import weft
      >>> pages = weft.Queue(maxsize=2)
      >>> def produce():
      ...     for page in ["first", "second", "third"]:
      ...         pages.put(page)
      ...     pages.shutdown()
      >>> task = weft.spawn(produce)
      >>> list(pages)
      ['first', 'second', 'third']
    """

    __class_getitem__ = classmethod(GenericAlias)

    def __cinit__(self, *args, **kwargs):
        list_init(&self.joiners)

    def __init__(self, Py_ssize_t maxsize=0):
        self.limit = maxsize if maxsize > 0 else -1

    def __dealloc__(self):
        while node_pop(&self.joiners) != NULL:
            pass

    def put(self, item, block=True, timeout=None):
        """Put an item in, waiting for room if the queue is full.

        Args:
          block: whether to wait.
          timeout: seconds to wait at most; None for ever.

        Raises:
          queue.Full: there is no room, or none came in time.
          weft.ShutDown: the queue was shut down, before or meanwhile.
          ValueError: ``timeout`` is negative.
          Cancelled: the task was cancelled while it waited; the item is not put.

        Parks: on a full queue. Woken by: :meth:`get`, :meth:`shutdown`, the timeout.
        Threads: any.
        """
        cdef int64_t deadline = 0
        if block and self.limit >= 0:
            deadline = deadline_for(timeout)
        breathe()
        if self.accept(item):
            return
        if deadline == 0 or not self.wait_room("queue put", self, item, deadline):
            raise Full

    def put_nowait(self, item):
        """Put an item in.

        Raises:
          queue.Full: there is no room.
          weft.ShutDown: the queue was shut down.

        Parks: never; may be called anywhere. Threads: any.
        """
        if not self.accept(item):
            raise Full

    def get(self, block=True, timeout=None):
        """Take the next item out, waiting for one if there is none.

        Args:
          block: whether to wait.
          timeout: seconds to wait at most; None for ever.

        Raises:
          queue.Empty: there is none, or none came in time.
          weft.ShutDown: there is none, and the queue was shut down, before or meanwhile.
          ValueError: ``timeout`` is negative.
          Cancelled: the task was cancelled while it waited.

        Parks: on an empty queue. Woken by: :meth:`put`, :meth:`shutdown`, the timeout.
        Threads: any.
        """
        cdef int64_t deadline = 0
        if block:
            deadline = deadline_for(timeout)
        breathe()
        item = self.draw()
        if item is NOTHING:
            if self.closed:
                raise self.refusal()
            if deadline != 0:
                item = self.wait_item("queue get", self, deadline)
            if item is NOTHING:
                raise Empty
        return item

    def get_nowait(self):
        """Take the next item out.

        Raises:
          queue.Empty: there is none.
          weft.ShutDown: there is none, and the queue was shut down.

        Parks: never. Threads: any.
        """
        return self.get(False)

    def putting(self, item):
        """Putting ``item``, as a case of :func:`weft.choose`; nothing is put before that.

        Example:
          >>> import weft
          >>> pages = weft.Queue()
          >>> offer = pages.putting("first")
          >>> weft.choose(offer) == (offer, None)
          True
          >>> pages.get()
          'first'
        """
        return Offer(self, item)

    def __iter__(self):
        """Items as :meth:`get` takes them out, until the queue is shut down and empty."""
        return self

    def __next__(self):
        breathe()
        item = self.draw()
        if item is NOTHING and not self.closed:
            try:
                item = self.wait_item("queue get", self, forever())
            except ShutDown:
                if not self.closed:
                    raise
        if item is NOTHING:
            raise StopIteration
        return item

    # -- the end --------------------------------------------------------------------

    def shutdown(self, immediate=False):
        """Let nothing be put any more, and getters end once the queue is empty.

        Args:
          immediate: whether to throw away what is in the queue; it counts as done.

        Parks: never; may be called anywhere. Threads: any.
        """
        dropped = self.shut(immediate)
        if dropped:
            self.count_finished(min(<uint64_t>len(dropped), self.accepted - self.finished))

    def task_done(self):
        """Say that an item which was got has been dealt with.

        Raises:
          ValueError: called more often than there were items.

        Parks: never. Threads: any.
        """
        if self.finished == self.accepted:
            raise ValueError("task_done() called too many times")
        self.count_finished(1)

    cdef void count_finished(self, uint64_t items) noexcept:
        self.finished += items
        if self.finished == self.accepted:
            while wake_first(&self.joiners, None) is not None:
                pass

    def join(self):
        """Wait until :meth:`task_done` was called for every item that was put.

        Raises:
          Cancelled: the task was cancelled while it waited.

        Parks: while an item is unfinished. Woken by: :meth:`task_done`, :meth:`shutdown`.
        Threads: any.
        """
        cdef Hub hub
        cdef Task me
        breathe()
        if self.finished == self.accepted:
            return
        hub = get_hub()
        me = hub.current
        hub.may_park(me, True)
        if self.finished == self.accepted:
            return
        node_append(&self.joiners, &me.node)
        try:
            hub.park("queue join", self, forever(), True)
        finally:
            if node_linked(&me.node):
                node_unlink(&me.node)

    cdef object refusal(self):
        return ShutDown(f"{self.named()} was shut down")

    # -- what it holds ----------------------------------------------------------------

    def qsize(self):
        """How many items are in it."""
        breathe()
        return len(self.items)

    def empty(self):
        """Whether there is nothing in it."""
        breathe()
        return not self.items

    def full(self):
        """Whether there is no room in it."""
        breathe()
        return self.is_full()

    @property
    def maxsize(self):
        """How many items it holds; 0 for no limit."""
        return max(self.limit, 0)

    @property
    def unfinished_tasks(self):
        """How many items :meth:`join` still waits for."""
        return self.accepted - self.finished

    @property
    def is_shutdown(self):
        """Whether :meth:`shutdown` was called."""
        return self.closed

    def statistics(self):
        """Counts, as a dict: ``items`` in it, ``maxsize``, ``unfinished`` items, and how many
        tasks are ``getting``, ``putting``, ``joining``, that is, wait for it."""
        return {
            "items": len(self.items),
            "maxsize": self.maxsize,
            "unfinished": self.unfinished_tasks,
            "getting": list_length(&self.getters),
            "putting": list_length(&self.putters),
            "joining": list_length(&self.joiners),
        }

    def __repr__(self):
        return f"<{self.named()} {', '.join(self.in_words())}>"

    cdef str named(self):
        kind = type(self)
        module = "weft" if kind.__module__.startswith("weft._core.") else kind.__module__
        return f"{module}.{kind.__qualname__} at {<unsigned long><void*>self:#x}"

    cdef list in_words(self):
        size = f"{len(self.items)} of {self.limit}" if self.limit > 0 else f"{len(self.items)}"
        words = [f"{size} items"]
        if self.closed:
            words.append("shut down")
        for count, what in ((list_length(&self.getters), "getting"),
                            (list_length(&self.putters), "putting"),
                            (list_length(&self.joiners), "joining")):
            if count:
                words.append(f"{count} {what}")
        return words


cdef int64_t deadline_for(object timeout) except -1:
    if timeout is None:
        return forever()
    if timeout < 0:
        raise ValueError("'timeout' must be a non-negative number")
    return deadline_after(patience_of(True, timeout)) if timeout else 0


@cython.no_gc_clear
cdef class LifoQueue(Queue):
    """A :class:`Queue` that gives the item that came last first; as :class:`queue.LifoQueue`."""

    def __cinit__(self, *args, **kwargs):
        self.items = []

    cdef object fetch(self):
        return (<list>self.items).pop()

    cdef int put_first(self, object item) except -1:
        self.items.append(item)
        return 0
