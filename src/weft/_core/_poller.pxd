"""The Poller contract; see _poller.pyx."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t

from weft._core._waitlist cimport WaitList

# What a task may wait for on a descriptor. A waiter of READ also wakes on urgent data.
cdef enum Direction:
    READ = 1
    WRITE = 2

# What a poller saw, in terms of no kernel interface in particular.
cdef enum Seen:
    SEEN_IN = 1
    SEEN_OUT = 2
    SEEN_END = 4          # RDHUP, HUP, ERR or PRI: the next read may not drain it

cdef struct FdState:
    WaitList readers
    WaitList writers
    int fd
    uint32_t sequence     # grows when the fd is forgotten: rejects events of its old file
    unsigned char owned   # registered for good, edge-triggered
    unsigned char armed   # directions the kernel is asked for now
    unsigned char present  # the kernel may hold a registration, armed or spent
    unsigned char drained  # a short read emptied it and no edge has come since (owned only)
    unsigned char ended   # SEEN_END came since it was registered; sticky

# Claims a waiter's park; called for each waiter of a descriptor with an event.
ctypedef void (*Unpark)(PyObject* waiter) noexcept

cdef class Poller:
    cdef FdState** table         # by fd; NULL where nothing ever waited
    cdef int table_size
    cdef int registered          # descriptors the kernel may report
    cdef Unpark unpark
    cdef bint edge_triggered     # owned descriptors may stay registered
    cdef bint interrupted        # the last wait was ended by a signal
    cdef readonly str name       # "epoll", "poll", "select"

    # For the hub and the socket layer:
    cdef FdState* state(self, int fd) except NULL
    cdef int watch(self, FdState* fs, int direction, bint own) except -1
    cdef void unwatch(self, FdState* fs) noexcept
    cdef void forget(self, int fd) noexcept
    cdef void renew(self, int fd) noexcept
    # For implementers:
    cdef int update(self, FdState* fs, int wanted, bint own) except -1
    cdef void remove(self, FdState* fs) noexcept
    cdef int wait(self, int64_t timeout) except -1
    cdef void wake(self) noexcept
    cdef void close(self, bint forked) noexcept
    cdef list own_fds(self)

    cdef int grow(self, int least) except -1
    cdef void rearm(self, FdState* fs) noexcept
    cdef void wake_all(self, WaitList* head) noexcept
    cdef void seen(self, FdState* fs, int what) noexcept


cdef inline FdState* known(Poller poller, int fd) noexcept:
    """The state of ``fd`` if anything ever waited on it here, else NULL."""
    if 0 <= fd < poller.table_size:
        return poller.table[fd]
    return NULL
