"""Exchange: what queues and channels have in common; see _exchange.pyx."""

from libc.stdint cimport int64_t, uint64_t

from weft._core._waitlist cimport WaitList
from weft._core._waits cimport Selectable

# What stands for no item, since every object may be one.
cdef object NOTHING

cdef class Exchange(Selectable):
    cdef object items            # sized; how they are ordered is up to the subclass
    cdef Py_ssize_t limit        # how many items it holds: -1 any number, 0 from hand to hand only
    cdef Py_ssize_t promised     # places that belong to putters which were woken to fill them
    cdef uint64_t accepted       # how many items were ever put
    cdef uint64_t changes        # of the items, counted where somebody looks away meanwhile
    cdef WaitList getters        # who waits for an item: none while there is one
    cdef WaitList putters        # who waits for room, the item in Task.value
    cdef bint closed             # nothing is put any more
    cdef object __weakref__

    # To be called by subclasses and by who stands for one end. None of these parks, ...
    cdef bint accept(self, object item) except -1
    cdef object draw(self)
    cdef object take_offer(self)
    cdef bint is_full(self) noexcept
    cdef object shut(self, bint drop)
    cdef int turn_away(self, WaitList* waiters) except -1
    # ... and these do.
    cdef object wait_item(self, str kind, object end, int64_t deadline)
    cdef bint wait_room(self, str kind, object end, object item, int64_t deadline) except -1

    # For subclasses to say otherwise.
    cdef object refusal(self)
    cdef bint store(self, object item) except -1
    cdef object fetch(self)
    cdef int put_first(self, object item) except -1
    cdef void admit(self) noexcept
    cdef int fill(self, object item) except -1
    cdef void forgo(self) noexcept

cdef class Offer(Selectable):
    """Putting one item, as a case of choose()."""
    cdef readonly Exchange exchange
    cdef readonly object item
