"""What every primitive shares that has a list of waiters.

Owns: the count of operations until a busy task lets others run, and what a
task that waits for one of many things leaves in their lists. A caller parks
in ``breathe``, when its time is up.

A task that waits for one thing is in its list with its own node. One that
waits for many (``choose``) has a node in each list, and a Choice in its
``value``: whoever wakes it says there which of them it was. Until that task
has run again its other nodes stay where they are; they cannot be woken, and
are passed over.
"""

from operator import index

from cpython.object cimport PyObject
from libc.math cimport ceil
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

from weft._core._clock cimport now_ns
from weft._core._hub cimport Hub, in_collection, peek_hub
from weft._core._sys cimport NSEC, forever, weft_finalizing
from weft._core._task cimport PARKED, THROWN, WOKEN, Canceller, Task, deadline_in
from weft._core._waitlist cimport WaitList, WaitNode, node_pop

from weft._errors import Cancelled

cdef extern from *:
    """
    /* Operations of this thread until it looks at the clock. */
    static __thread int weft_breath = 32;
    """
    int weft_breath

cdef enum:
    BREATH = 32

# _thread.TIMEOUT_MAX on Linux: what fits 64 bits in ns, in whole seconds.
TIMEOUT_MAX = 9223372036.0


cdef class Selectable:
    """What :func:`weft.choose` can wait for."""

    cdef bint ready(self) noexcept:
        return True              # so that `perform` complains of one that is nothing yet

    cdef bint perform(self, Choice choice) except -1:
        raise NotImplementedError(f"{type(self).__name__} cannot be chosen")

    cdef WaitList* line(self) noexcept:
        return NULL

    cdef object conclude(self, object value):
        return value

    cdef int undo(self, object value) except -1:
        return 0


cdef class Choice:
    """One call of :func:`weft.choose`."""

    def __cinit__(self, list cases):
        self.cases = cases
        self.fired = -1
        self.nodes = <WaitNode*>malloc(len(cases) * sizeof(WaitNode))
        if self.nodes == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.nodes)


cdef Task wake_first(WaitList* waiters, object value):
    cdef WaitNode* node = node_pop(waiters)
    while node != NULL:
        if answer(node, value):
            return <Task>node.waiter
        node = node_pop(waiters)
    return None


cdef bint answer(WaitNode* node, object value) noexcept:
    cdef Task task = <Task>node.waiter
    cdef Choice choice
    if not can_be_woken(task):
        return False
    if node != &task.node:
        choice = <Choice>task.value
        choice.fired = node - choice.nodes
        choice.value = value
        value = None
    return task.hub.wake(task, WOKEN, value)


cdef bint can_be_woken(Task task) noexcept:
    # Those without a hub never run again: their thread ended, or they were forked.
    return task.state == PARKED and task.hub is not None


cdef bint throw_first(WaitList* waiters, object exc) noexcept:
    cdef WaitNode* node = node_pop(waiters)
    cdef Task task
    while node != NULL:
        task = <Task>node.waiter
        if task.hub is not None and task.hub.wake(task, THROWN, exc):
            return True
        node = node_pop(waiters)
    return False


cdef bint anybody(WaitList* waiters) noexcept:
    cdef WaitNode* node = waiters.next
    while node != <WaitNode*>waiters:
        if can_be_woken(<Task>node.waiter):
            return True
        node = node.next
    return False


cdef int put_back(Task me, object exc) except -1:
    """Have ``exc`` raised at the next checkpoint, before whatever else is due."""
    if isinstance(exc, Cancelled) and isinstance(exc.scope, Canceller):
        exc = exc.scope          # it withdraws its request when its block ends
    if me.requests is None:
        me.requests = []
    me.requests.insert(0, exc)
    return 0


cdef int breathe() except -1:
    global weft_breath
    weft_breath -= 1
    if weft_breath > 0:
        return 0
    weft_breath = BREATH
    return give_way()


def take_breath():
    """Count one operation that cannot be cancelled, before it is done: a mutex's, say.

    Parks: when the caller has had its share, and others are ready. Threads: any; makes no hub.
    """
    breathe()


cdef void run_out_of_breath() noexcept:
    global weft_breath
    weft_breath = 1


cdef int give_way() except -1:
    """Let others run if the caller's slice is over.

    Delivers nothing: the caller's operation needs not wait, and nobody could tell whether it was
    done. A Ctrl-C for the main task comes between two of its bytecodes, all else at its next park.
    """
    cdef PyObject* hub = peek_hub()
    cdef Task me
    if hub == NULL:
        return 0
    me = (<Hub>hub).current
    if me is None or in_collection():
        return 0
    if (<Hub>hub).shuffle:
        # A seeded schedule may let others run at every operation that could park.
        run_out_of_breath()
    elif not (<Hub>hub).time_is_up():
        return 0
    if weft_finalizing():
        return 0                     # the last destructors: no greenlet runs any more
    (<Hub>hub).note_who_parks(me)
    return (<Hub>hub).step_aside(me)


cdef int64_t patience_of(object blocking, object timeout) except -1:
    cdef double seconds
    if timeout is -1 or timeout == -1:
        return forever() if blocking else 0
    if not blocking:
        raise ValueError("can't specify a timeout for a non-blocking call")
    if not isinstance(timeout, float):
        timeout = index(timeout)
    seconds = timeout
    if seconds != seconds:
        raise ValueError("Invalid value NaN (not a number)")
    if seconds < 0:
        raise ValueError("timeout value must be a non-negative number")
    if seconds > TIMEOUT_MAX:
        raise OverflowError("timeout value is too large")
    # Up, as CPython does: what is left of a wait may be less than 1 ns, and 0 would not wait.
    return <int64_t>ceil(seconds * NSEC)


cdef int64_t deadline_after(int64_t patience) noexcept:
    """The absolute deadline; rounds up by a nanosecond, so that none is early."""
    cdef int64_t now
    if patience == forever():
        return patience
    now = now_ns()
    return now + patience + 1 if patience < forever() - now - 1 else forever()


cdef int64_t wait_deadline(object seconds) except -1:
    """The absolute deadline of a wait of ``seconds``; 0 if it is not to wait at all."""
    if seconds is None:
        return forever()
    if seconds is True or seconds is False:
        # What threading calls ``blocking``: True would be a second.
        raise TypeError(f"seconds must be a number or None, not {seconds}: "
                        f"0 does not wait, None waits for ever")
    return 0 if <double>seconds <= 0 else deadline_in(seconds)
