"""A heap of deadlines; see _timers.pyx."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

cdef struct Timer:
    int64_t when          # ns of the monotonic clock
    Py_ssize_t place      # index in the heap, -1 when not armed
    PyObject* owner       # borrowed; kept alive by whoever armed it

cdef struct Slot:
    int64_t when          # copied here: sifting touches the heap alone
    uint64_t order        # equal deadlines expire in the order they were armed
    Timer* timer

cdef class TimerHeap:
    cdef Slot* heap
    cdef Py_ssize_t size
    cdef Py_ssize_t capacity
    cdef uint64_t next_order

    cdef int arm(self, Timer* timer, int64_t when) except -1
    cdef void cancel(self, Timer* timer) noexcept
    cdef Timer* pop_expired(self, int64_t now) noexcept
    cdef int64_t next_deadline(self) noexcept
    cdef void shift(self, int64_t ns) noexcept
    cdef void keep(self, bint (*wanted)(PyObject*, PyObject*) noexcept, PyObject* whom) noexcept


cdef inline void timer_init(Timer* timer, PyObject* owner) noexcept:
    timer.when = 0
    timer.place = -1
    timer.owner = owner
