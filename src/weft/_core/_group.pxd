"""Group: the tasks of one block; see _group.pyx."""

from weft._core._hub cimport Hub
from weft._core._task cimport Canceller, Task
from weft._core._waitlist cimport WaitList

cdef class Group(Canceller):
    cdef Task host               # runs the block; None before it and after
    cdef dict children           # unfinished tasks, in the order spawned; values None
    cdef WaitList leaving        # the host, at the end of the block
    cdef WaitList wanting        # tasks whose spawn() waits for a place
    cdef Py_ssize_t limit        # tasks that may run at once, 0 for any number
    cdef Py_ssize_t taken        # places in use; counted only if there is a limit
    cdef list errors             # of the children, in the order they failed
    cdef str given_name
    cdef object place            # (code, offset) where it was made
    cdef Canceller stop_request  # what is asked of the children
    cdef object cancelled        # the Cancelled it raised in its host, once
    cdef str reason              # why it was cancelled: message, None if a child failed
    cdef str by                  # who called cancel()
    cdef object by_place
    cdef Task culprit            # the child that failed first
    cdef object cause            # or else the exception that ended the block
    cdef bint used               # the block was entered
    cdef bint stopping           # its tasks were asked to stop
    cdef bint ending             # its code has run; it waits for its tasks at most
    cdef bint requested          # its host was asked to

    cdef int take_place(self) except -1
    cdef void give_place(self) noexcept
    cdef void stop(self) noexcept
    cdef int wait_for_children(self, Task me) except -1
    cdef object made_cancelled(self)
