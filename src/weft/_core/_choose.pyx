# cython: binding=False, embedsignature.format=clinic
"""choose: wait for whichever of many operations can go ahead first.

Owns: the choice among those that are ready. Must not know: what the cases are;
each is a Selectable (_waits.pxd). A caller parks in ``choose`` while none is
ready; whoever makes one possible wakes it and has done that one, so exactly
one is done.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from weft._core._hub cimport Hub, get_hub, peek_hub
from weft._core._task cimport EXPIRED, Task
from weft._core._waitlist cimport node_append, node_init, node_unlink
from weft._core._waits cimport Choice, Selectable, breathe, wait_deadline

from weft._errors import TaskError

# Never 0; shared by all threads, under the GIL.
cdef uint64_t lottery = 0x9e3779b97f4a7c15


def choose(*cases, seconds=None):
    """Wait until one of ``cases`` can go ahead, do that one and none of the others.

    If several can, one of them is picked at random, each with the same chance.

    Args:
      cases: receiving ends and queues (an item is got from them), events (that
        are set), ``sender.sending(item)`` and ``queue.putting(item)``; all different.
      seconds: give up after so long; None waits for ever, 0 does not wait.

    Returns:
      The case that was done, the very object that was passed, and the item
      received (None if it does not receive).

    Raises:
      TimeoutError: none could go ahead in time; nothing was done.
      weft.ChannelClosed, weft.ShutDown: the case that was picked can never go ahead any more.
      ValueError: no cases, or one of them twice.
      TypeError: a case is nothing that can be chosen.
      Cancelled: the task was cancelled while it waited; nothing was done.

    Parks: while none is ready. Woken by: whatever makes one ready, the timeout.
    Threads: any.

    Example:
      >>> import weft
      >>> urgent, later = weft.Queue(), weft.Queue()
      >>> later.put("wash up")
      >>> which, job = weft.choose(urgent, later)
      >>> which is later, job
      (True, 'wash up')
    """
    cdef int64_t deadline = wait_deadline(seconds)
    cdef Choice choice = Choice(checked(cases))
    breathe()
    if not look(choice) and (deadline == 0 or not wait(choice, deadline)):
        raise TimeoutError(f"choose: none of {len(cases)} cases could go ahead within {seconds} s")
    return choice.cases[choice.fired], choice.value


cdef list checked(tuple cases):
    if not cases:
        raise ValueError("choose() among nothing would never return: pass at least one case")
    for case in cases:
        if not isinstance(case, Selectable):
            hint = "; to send, pass sender.sending(item)" if hasattr(case, "sending") else ""
            raise TypeError(
                f"choose() cannot wait for {case!r}: it takes receiving ends, queues, events, "
                f"sender.sending(item) and queue.putting(item){hint}"
            )
    if len(set(map(id, cases))) != len(cases):
        raise ValueError("choose() was given the same case twice: pass each of them once")
    return list(cases)


cdef bint look(Choice choice) except -1:
    """Do one of those that are ready; False if none is: then nobody has run since."""
    cdef Py_ssize_t picked = pick(choice)
    while picked >= 0:
        if (<Selectable>choice.cases[picked]).perform(choice):
            choice.fired = picked
            return True
        picked = pick(choice)
    return False


cdef Py_ssize_t pick(Choice choice) noexcept:
    """One of those that are ready, each with the same chance; -1 if none is."""
    cdef Py_ssize_t picked = -1, index
    cdef uint64_t found = 0
    for index in range(len(choice.cases)):
        if (<Selectable>choice.cases[index]).ready():
            found += 1
            if found == 1 or draw_lot() % found == 0:
                picked = index
    return picked


cdef uint64_t draw_lot() noexcept:
    """A random number: of the seeded schedule, if the calling thread's hub has one.

    Else the next of Marsaglia's xorshift, of 64 bits (J. Stat. Soft. 8, 14).
    """
    global lottery
    cdef PyObject* hub = peek_hub()
    if hub != NULL and (<Hub>hub).shuffle:
        return (<Hub>hub).random()
    lottery ^= lottery << 13
    lottery ^= lottery >> 7
    lottery ^= lottery << 17
    return lottery


cdef bint wait(Choice choice, int64_t deadline) except -1:
    """Park until one was done; False when ``deadline`` has passed."""
    cdef Hub hub = get_hub()
    cdef Task me = hub.current
    cdef int how
    cdef object _left
    hub.may_park(me, True)
    if look(choice):
        return True
    # What was left in there is kept until the end: letting go of it may run Python code.
    _left, me.value = me.value, choice
    link(choice, me)
    try:
        how = hub.park("choose", choice.cases, deadline, True)
    except BaseException:
        unlink(choice)
        me.value = None
        if choice.fired >= 0:
            # It was done, but something else threw into this greenlet.
            (<Selectable>choice.cases[choice.fired]).undo(choice.value)
        raise
    unlink(choice)
    me.value = None
    if how == EXPIRED:
        return False
    if choice.fired < 0:
        raise TaskError(f"task {me.name!r} waits in choose(), where only a case may wake it: "
                        f"do not unpark it")
    choice.value = (<Selectable>choice.cases[choice.fired]).conclude(choice.value)
    return True


cdef void link(Choice choice, Task me) noexcept:
    cdef Py_ssize_t index
    for index in range(len(choice.cases)):
        node_init(&choice.nodes[index], <PyObject*>me)
        node_append((<Selectable>choice.cases[index]).line(), &choice.nodes[index])


cdef void unlink(Choice choice) noexcept:
    cdef Py_ssize_t index
    for index in range(len(choice.cases)):
        node_unlink(&choice.nodes[index])
