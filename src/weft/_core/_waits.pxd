"""What every primitive shares that has a list of waiters; see _waits.pyx."""

from libc.stdint cimport int64_t

from weft._core._task cimport Task
from weft._core._waitlist cimport WaitList

# Wake the first of a list that can still be woken, with ``value``; None when there is none.
cdef Task wake_first(WaitList* waiters, object value)
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
