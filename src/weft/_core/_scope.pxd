"""Timeout and Shield; see _scope.pyx."""

from libc.stdint cimport int64_t

from weft._core._task cimport Canceller, Task
from weft._core._timers cimport Timer, TimerHeap

cdef class Timeout(Canceller):
    cdef Task task               # inside the block; None before and after
    cdef TimerHeap timers        # of the task's hub
    cdef Timer timer             # armed in there while the deadline lies ahead
    cdef int64_t when            # ns: the deadline, forever() for none
    cdef double seconds          # what timeout() was given, nan for a deadline: for the text
    cdef object place            # (code, offset) where it was made
    cdef object cancelled        # the Cancelled it raised in its task, once
    cdef bint used               # the block was entered
    cdef bint requested          # it has asked its task to stop
    cdef bint cut                # the block was left because of it
    cdef bint silent             # move_on_after: no TimeoutError

    cdef int set_deadline(self, int64_t when) except -1

cdef class Shield:
    cdef Task task

cdef int withdraw_request(Task task, object request, object raised) except -1
