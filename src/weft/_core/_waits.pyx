"""What every primitive shares that has a list of waiters.

Owns: nothing but the count of operations until a busy task lets others run.
A caller parks in ``breathe``, when its time is up.
"""

from operator import index

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from weft._core._clock cimport now_ns
from weft._core._hub cimport Hub, peek_hub
from weft._core._sys cimport NSEC, forever
from weft._core._task cimport WOKEN, Canceller, Task, deadline_in
from weft._core._waitlist cimport WaitList, WaitNode, node_pop

from weft._errors import Cancelled

cdef extern from *:
    """
    /* Operations of this thread until it looks at the clock. */
    static __thread int weft_breath = 64;
    """
    int weft_breath

cdef enum:
    BREATH = 64

# _thread.TIMEOUT_MAX on Linux: what fits 64 bits in ns, in whole seconds.
TIMEOUT_MAX = 9223372036.0


cdef Task wake_first(WaitList* waiters, object value):
    cdef WaitNode* node = node_pop(waiters)
    cdef Task task
    while node != NULL:
        task = <Task>node.waiter
        # False of those that will never run again, since their thread ended or they were forked.
        if task.hub is not None and task.hub.wake(task, WOKEN, value):
            return task
        node = node_pop(waiters)
    return None


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


cdef void run_out_of_breath() noexcept:
    global weft_breath
    weft_breath = 1


cdef int give_way() except -1:
    """Let others run if the caller's slice is over, without delivering a cancellation."""
    cdef PyObject* hub = peek_hub()
    cdef Task me
    if hub == NULL:
        return 0
    me = (<Hub>hub).current
    if me is None:
        return 0
    if (<Hub>hub).shuffle:
        # A seeded schedule may let others run at every operation that could park.
        run_out_of_breath()
        (<Hub>hub).operations = 0
    elif now_ns() < (<Hub>hub).slice_end:
        return 0
    me.shields += 1
    try:
        (<Hub>hub).share()
    finally:
        me.shields -= 1
    return 0


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
    return <int64_t>(seconds * NSEC)


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
