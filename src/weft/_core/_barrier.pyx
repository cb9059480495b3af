# cython: binding=False
# Plain method descriptors: the interpreter calls them faster than Cython's own functions.
"""Barrier: so many tasks wait for one another, round after round.

Owns: the round that fills now, and what became of it. A caller parks in
``wait`` until the last of its round has come; that one wakes all the others,
from any thread.

A round is an object of its own: whoever comes while the last of one round
still runs the action takes part in the next, and a waiter that timed out sees
what became of *its* round, whatever happened to the barrier since.
"""

from libc.stdint cimport int64_t

cimport cython

from weft._core._hub cimport Hub, get_hub
from weft._core._sys cimport forever
from weft._core._task cimport Task
from weft._core._waitlist cimport (
    WaitList,
    list_init,
    node_append,
    node_linked,
    node_pop,
    node_unlink,
)
from weft._core._waits cimport breathe, wait_deadline, wake_first


# What has become of a round.
cdef enum Outcome:
    FILLING      # some are not there yet, or the last to come runs the action
    PASSED
    BROKEN


@cython.final
@cython.internal
cdef class Round:
    """Those who pass a barrier together."""

    cdef WaitList waiters    # head: those who have come and wait, oldest first
    cdef Py_ssize_t arrived  # how many have come, the waiting and the last one
    cdef Outcome outcome     # final once it is not FILLING

    def __cinit__(self):
        list_init(&self.waiters)

    def __dealloc__(self):
        # Nobody is left who could be woken: a waiter holds a reference.
        while node_pop(&self.waiters) != NULL:
            pass


@cython.final
cdef class Barrier:
    """Holds tasks until so many have come, then lets them all pass; again and again.

    A barrier that one of them leaves early, by a timeout or an exception, is
    broken: the others are told, instead of waiting for ever.

    Args:
      parties: how many pass together.
      action: called by the last to come, before any passes; if it raises the barrier is broken.

    Raises:
      ValueError: ``parties`` is less than 1.

    Parks: ``wait``. Woken by: the last to come, ``abort``, ``reset``, the deadline,
    a cancellation. Threads: any.

    Example:
      >>> import weft
      >>> start = weft.Barrier(3)
      >>> runners = [weft.spawn(start.wait) for _ in range(3)]
      >>> [runner.result() for runner in runners]
      [0, 1, 2]
    """

    # Invariant: a round that is FILLING is this one or among the acting.
    cdef Round round         # what the next to come takes part in; BROKEN: the barrier is
    cdef list acting         # rounds that are full and whose action runs
    cdef readonly Py_ssize_t parties
    cdef object action       # called by the last of each round, or None
    cdef object __weakref__

    def __cinit__(self):
        self.round = Round()
        self.acting = []
        self.parties = 1

    def __init__(self, Py_ssize_t parties, action=None):
        if parties < 1:
            raise ValueError(f"a Barrier needs at least one party, not {parties}")
        self.parties = parties
        self.action = action

    @property
    def n_waiting(self):
        """How many wait for the others now."""
        return self.round.arrived if self.round.outcome == FILLING else 0

    @property
    def broken(self):
        """Whether it is broken, until :meth:`reset`."""
        return self.round.outcome == BROKEN

    def wait(self, seconds=None):
        """Wait until all parties have come.

        Args:
          seconds: break the barrier after so long; None waits for ever, 0 breaks it unless
            the caller is the last.

        Returns:
          The place of the caller among them in the order they came, from 0.

        Raises:
          threading.BrokenBarrierError: it is or gets broken, or time was up, or it was reset.
          Cancelled: the task was cancelled while it waited, which breaks the barrier.
          BaseException: what the action raised, in the last to come.

        Parks: unless the caller is the last. Threads: any.
        """
        cdef int64_t deadline = forever() if seconds is None else wait_deadline(seconds)
        cdef Round round
        cdef Py_ssize_t place
        breathe()
        round = self.round
        if round.outcome == BROKEN:
            raise broken(f"{self!r}: reset() makes it whole")
        place = round.arrived
        round.arrived += 1
        if place == self.parties - 1:
            self.pass_round(round)
        else:
            self.pause(round, deadline)
        return place

    def abort(self):
        """Break the barrier: whoever waits, or comes, gets an error, until :meth:`reset`.

        Parks: never. Threads: any.
        """
        self.break_all()

    def reset(self):
        """Make it new and whole; whoever waits gets a :exc:`threading.BrokenBarrierError`.

        Parks: never. Threads: any.
        """
        cdef Round new = Round()
        self.break_all()
        self.round = new

    def statistics(self):
        """Counts, as a dict: the ``parties``, and how many are ``waiting``."""
        return {"parties": self.parties, "waiting": self.n_waiting}

    def __repr__(self):
        state = "broken" if self.broken else f"{self.n_waiting} of {self.parties} waiting"
        return f"<weft.Barrier at {<unsigned long><void*>self:#x} {state}>"

    cdef int pass_round(self, Round round) except -1:
        """The last has come: run the action, let the others pass."""
        self.round = Round()
        if self.action is not None:
            self.acting.append(round)
            try:
                self.action()
            except BaseException:
                self.break_round(round)
                raise
            finally:
                self.acting.remove(round)
        settle(round, PASSED)
        if round.outcome == BROKEN:
            raise broken(f"{self!r} was broken or reset while its action ran")
        return 0

    cdef int pause(self, Round round, int64_t deadline) except -1:
        cdef Hub hub = get_hub()
        cdef Task me = hub.current
        try:
            # Whatever may run Python code, and let another thread come, runs before the last look.
            hub.may_park(me, True)
            if round.outcome == FILLING and deadline != 0:
                node_append(&round.waiters, &me.node)
                hub.park("barrier", self, deadline, True)
        except BaseException:
            self.break_round(round)
            raise
        finally:
            if node_linked(&me.node):
                node_unlink(&me.node)
        if round.outcome == FILLING:
            self.break_round(round)
            raise broken(f"the others did not come in time to {self!r}")
        if round.outcome == BROKEN:
            raise broken(f"{self!r} was broken or reset while this task waited")
        return 0

    cdef int break_round(self, Round round) except -1:
        """Break the barrier because of ``round``, unless what becomes of that is settled."""
        if round.outcome == FILLING:
            self.break_all()
        return 0

    cdef int break_all(self) except -1:
        settle(self.round, BROKEN)
        for round in self.acting:
            settle(<Round>round, BROKEN)
        return 0


cdef void settle(Round round, Outcome outcome) noexcept:
    """Say what becomes of a round, once, and wake those who wait."""
    if round.outcome == FILLING:
        round.outcome = outcome
        while wake_first(&round.waiters, None) is not None:
            pass


cdef object broken(str text):
    # Asked for here: few programs break a barrier, and the import is dear.
    from threading import BrokenBarrierError
    return BrokenBarrierError(text)
