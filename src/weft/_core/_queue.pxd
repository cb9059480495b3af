"""Queue; see _queue.pyx."""

from libc.stdint cimport uint64_t

from weft._core._exchange cimport Exchange
from weft._core._waitlist cimport WaitList

cdef class Queue(Exchange):
    cdef WaitList joiners        # tasks that wait until all is done
    cdef uint64_t finished       # how many of the items ever put are done

    cdef void count_finished(self, uint64_t items) noexcept
    cdef str named(self)
    cdef list in_words(self)
