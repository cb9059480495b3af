"""Exchange: items that go from those who put them to those who get them.

Owns: the items, who waits for one, and who waits for room. Queues and channels
are built on it. Must not know: how a queue orders its items, what its errors
are. A caller parks in ``wait_item`` and ``wait_room``; who puts or gets wakes
it, from any thread, and so does closing.

An item is handed over: who puts gives it to the first waiting getter, and who
gets takes the first waiting putter's in, so nobody overtakes. A waiter that
was cancelled or timed out is in no list any more; one whose item was taken, or
who was given one, can neither be cancelled nor time out there. So no item is
lost or doubled either way.

All of this is atomic under the GIL, in pieces that run no Python code. Where a
subclass must run some (to compare items), its ``store`` and ``fetch`` change
nothing until that is done, and then only if nobody else has; else they report
failure, and the caller decides anew.
"""

from collections import deque

cimport cython
from libc.stdint cimport int64_t

from weft._core._hub cimport Hub, get_hub
from weft._core._task cimport EXPIRED, PARKED, WOKEN, Task
from weft._core._waitlist cimport (
    WaitList,
    WaitNode,
    list_empty,
    list_init,
    node_append,
    node_linked,
    node_pop,
    node_unlink,
)
from weft._core._waits cimport (
    Choice,
    Selectable,
    answer,
    anybody,
    throw_first,
    wake_first,
)

NOTHING = object()


cdef class Exchange(Selectable):
    """First in, first out; the base of queues and channels."""

    def __cinit__(self, *args, **kwargs):
        list_init(&self.getters)
        list_init(&self.putters)
        self.items = deque()
        self.limit = -1

    def __dealloc__(self):
        # Nobody is left to be woken: a waiter holds a reference.
        while node_pop(&self.getters) != NULL:
            pass
        while node_pop(&self.putters) != NULL:
            pass

    # -- without waiting ---------------------------------------------------------

    cdef bint accept(self, object item) except -1:
        """Give ``item`` to the first getter or keep it; False if it is full.

        Raises what ``refusal`` says when it is closed.
        """
        while not self.closed:
            if not list_empty(&self.getters) and wake_first(&self.getters, item) is not None:
                self.accepted += 1
                return True
            if self.is_full():
                return False
            if self.store(item):
                self.accepted += 1
                return True
        raise self.refusal()

    cdef object draw(self):
        """Take the next item out; NOTHING if there is none."""
        while self.items:
            item = self.fetch()
            if item is not NOTHING:
                if not list_empty(&self.putters):
                    self.admit()
                return item
        if self.limit == 0 and not list_empty(&self.putters):
            return self.take_offer()
        return NOTHING

    cdef bint is_full(self) noexcept:
        return 0 <= self.limit <= len(self.items) + self.promised

    cdef object take_offer(self):
        """The item of the first waiting putter, who has put it now; NOTHING if there is none."""
        cdef WaitNode* node = node_pop(&self.putters)
        cdef Task task
        while node != NULL:
            task = <Task>node.waiter
            if task.state == PARKED:
                item = task.value
                if node != &task.node:
                    item = (<Offer>(<Choice>item).cases[node - (<Choice>item).nodes]).item
                if answer(node, None):
                    self.accepted += 1
                    return item
            node = node_pop(&self.putters)
        return NOTHING

    cdef object shut(self, bint drop):
        """Nothing is put any more; who waits is told so.

        Args:
          drop: whether the items are thrown away too.

        Returns:
          What was thrown away, for the caller to let go of when all else is done.
        """
        dropped = None
        if drop:
            # Made first: from here on no Python code runs until it is empty.
            empty = type(self.items)()
            dropped, self.items = self.items, empty
            self.changes += 1
        self.closed = True
        self.turn_away(&self.getters)
        self.turn_away(&self.putters)
        return dropped

    cdef int turn_away(self, WaitList* waiters) except -1:
        while not list_empty(waiters):
            throw_first(waiters, self.refusal())
        return 0

    # -- waiting -------------------------------------------------------------------

    cdef object wait_item(self, str kind, object end, int64_t deadline):
        """Park until an item comes; NOTHING when ``deadline`` has passed."""
        cdef Hub hub = get_hub()
        cdef Task me = hub.current
        # Whatever may run Python code, and let another thread put, runs before the last look.
        hub.may_park(me, True)
        item = self.draw()
        if item is not NOTHING:
            return item
        if self.closed:
            raise self.refusal()
        # What was left in there is kept until the end: letting go of it may run Python code.
        item, me.value = me.value, None
        me.how = EXPIRED
        node_append(&self.getters, &me.node)
        try:
            if hub.park(kind, end, deadline, True) != WOKEN:
                return NOTHING
        except BaseException:
            if node_linked(&me.node):
                node_unlink(&me.node)
            if me.how == WOKEN:
                # It came, but something else threw into this greenlet.
                item, me.value = me.value, None
                self.undo(item)
            raise
        item = me.value
        me.value = None
        return item

    cdef bint wait_room(self, str kind, object end, object item, int64_t deadline) except -1:
        """Park until ``item`` is taken; False when ``deadline`` has passed: it is not put then."""
        cdef Hub hub = get_hub()
        cdef Task me = hub.current
        cdef int how
        cdef object _left
        hub.may_park(me, True)
        if self.accept(item):
            return True
        _left, me.value = me.value, item
        me.how = EXPIRED
        node_append(&self.putters, &me.node)
        try:
            how = hub.park(kind, end, deadline, True)
        except BaseException:
            if node_linked(&me.node):
                node_unlink(&me.node)
            me.value = None
            if me.how == WOKEN:
                self.forgo()
            raise
        me.value = None
        if how != WOKEN:
            return False
        self.fill(item)
        return True

    # -- how it is ordered -----------------------------------------------------------

    cdef object refusal(self):
        """What to raise, a new one each time, where it is closed."""
        return RuntimeError(f"{self!r} is closed")

    cdef bint store(self, object item) except -1:
        """Put ``item`` among the others; False if something changed while it ran Python code."""
        self.items.append(item)
        return True

    cdef object fetch(self):
        """Take the next item out, there is one; NOTHING as False above."""
        return self.items.popleft()

    cdef int put_first(self, object item) except -1:
        """Have ``item`` back that was the next to go."""
        self.items.appendleft(item)
        return 0

    cdef void admit(self) noexcept:
        """An item has left: let the first waiting putter put his."""
        if not self.is_full():
            item = self.take_offer()
            if item is not NOTHING:
                self.items.append(item)

    cdef int fill(self, object item) except -1:
        """The caller waited and was admitted: complete what ``admit`` has not done."""
        return 0

    cdef void forgo(self) noexcept:
        """The caller was admitted and does not put, if it had still to be done."""

    # -- a case of choose(): getting ---------------------------------------------------

    cdef bint ready(self) noexcept:
        return self.closed or len(self.items) or (self.limit == 0 and anybody(&self.putters))

    cdef bint perform(self, Choice choice) except -1:
        item = self.draw()
        if item is not NOTHING:
            choice.value = item
            return True
        if self.closed:
            raise self.refusal()
        return False

    cdef WaitList* line(self) noexcept:
        return &self.getters

    cdef int undo(self, object value) except -1:
        if list_empty(&self.getters) or wake_first(&self.getters, value) is None:
            self.put_first(value)
        return 0


@cython.final
cdef class Offer(Selectable):
    """An item to be put, as a case of :func:`weft.choose`."""

    def __cinit__(self, Exchange exchange not None, item):
        self.exchange = exchange
        self.item = item

    def __repr__(self):
        return f"<weft.Offer of {self.item!r} to {self.exchange!r}>"

    cdef bint ready(self) noexcept:
        cdef Exchange exchange = self.exchange
        return exchange.closed or not exchange.is_full() or anybody(&exchange.getters)

    cdef bint perform(self, Choice choice) except -1:
        return self.exchange.accept(self.item)

    cdef WaitList* line(self) noexcept:
        return &self.exchange.putters

    cdef object conclude(self, object value):
        self.exchange.fill(self.item)
        return None

    cdef int undo(self, object value) except -1:
        self.exchange.forgo()
        return 0
