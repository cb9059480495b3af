"""Watcher: the OS thread that looks at what the hubs do; see _watch.pyx."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t
from posix.types cimport clockid_t

# One hub as the watcher sees it. Never freed, since a teller may still look at it; used again for
# the next hub.
cdef struct Watched:
    PyObject* hub                # NULL: free. Not owned
    clockid_t clock              # CPU time of its OS thread
    uint64_t mark                # what ``switches`` was when the watcher looked last
    int64_t since                # ns: when it was first seen to run
    int64_t cpu                  # ns of CPU time its thread had used by then
    bint stalls                  # it has run for so long that a teller was started
    int64_t length               # ns: how long the stall is that is told, or was
    int64_t used                 # ns of CPU time in that
    bint arrived                 # the teller has the GIL
    bint warned                  # said, without looking, that it has not
    Watched* next

cdef bint due                    # the running task of the main hub is to be interrupted

cdef int set_slice(int64_t ns) except -1
cdef void send(unsigned long thread) noexcept nogil
cpdef int thread_count() noexcept
