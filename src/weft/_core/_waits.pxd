"""What every primitive shares that has a list of waiters; see _waits.pyx."""

from libc.stdint cimport int64_t

from weft._core._task cimport Task
from weft._core._waitlist cimport WaitList, WaitNode

cdef class Selectable:
    """Something that choose() can wait for: one operation, that may have to wait."""
    # Whether `perform` would go ahead now. Runs no Python code.
    cdef bint ready(self) noexcept
    # Do it, without parking, and leave what it gives in `choice.value`; False: not ready any more.
    cdef bint perform(self, Choice choice) except -1
    # Where those wait who want to do it; whoever makes it possible calls wake_first on that.
    cdef WaitList* line(self) noexcept
    # In the task that waited: complete what its waker has done, and return what it gives.
    cdef object conclude(self, object value)
    # The same, but the task was thrown out of its wait after it was woken.
    cdef int undo(self, object value) except -1

cdef class Choice:
    """A task that waits in choose(): in its `value` for as long as it is parked there."""
    cdef readonly list cases     # Selectable, all different
    cdef WaitNode* nodes         # one per case, in its order; linked while the task waits
    cdef Py_ssize_t fired        # index of the case that was answered, -1 for none
    cdef object value            # what the waker passed to it

# Wake the first of a list that can still be woken, with ``value``; None when there is none.
cdef Task wake_first(WaitList* waiters, object value)
# The same, for one node that is in no list any more; False when it is too late.
cdef bint answer(WaitNode* node, object value) noexcept
# Raise ``exc`` in the first that can still be woken; False when there is none.
cdef bint throw_first(WaitList* waiters, object exc) noexcept
# Whether there is somebody in the list who can still be woken.
cdef bint anybody(WaitList* waiters) noexcept
# A task that never parks lets others run all the same, when its time is up.
cdef int breathe() except -1
# The next breathe() of this thread looks whether it is time.
cdef void run_out_of_breath() noexcept
# What acquire() is given, in ns: 0 not to wait, forever() for no limit.
cdef int64_t patience_of(object blocking, object timeout) except -1
cdef int64_t deadline_after(int64_t patience) noexcept
# What weft's own primitives are given as ``seconds``: 0 not to wait, forever() for None.
cdef int64_t wait_deadline(object seconds) except -1
# Have an exception raised at the next checkpoint, before whatever else is due there.
cdef int put_back(Task me, object exc) except -1
