"""Task: one green thread; see _task.pyx."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from weft._core._coroutines cimport Coroutines
from weft._core._greenlet cimport greenlet
from weft._core._timers cimport Timer
from weft._core._tracing cimport Tracing
from weft._core._waitlist cimport WaitList, WaitNode

# A task is in exactly one of these; only _hub.pyx changes it.
cdef enum State:
    NEW          # spawned, in the ready queue, its stack not yet made
    READY        # in the ready queue or its hub's inbox
    RUNNING      # the one task of its hub that runs
    PARKED       # waits; somebody holds it in a list, a heap or a variable
    DONE
    ABANDONED    # its thread ended, or a forked child got it from the parent: kept, never run again

# How a parked task was answered; what park() returns (THROWN is raised).
cdef enum Wake:
    WOKEN = 0
    EXPIRED = 1
    THROWN = 2

cdef class Task(greenlet)

cdef class Canceller:
    """A timeout or a task group: what may stop tasks by a request of its own.

    It stands in ``Task.requests`` in place of an exception, which is made in
    the task that raises it, never in the hub.
    """
    cdef short depth             # the shields around it: further ones hold its request back

    cdef void on_deadline(self) noexcept              # its timer's deadline has passed
    cdef bint stops(self, Task task) noexcept         # it is a deadline over a block of this task
    cdef void child_done(self, Task child) noexcept   # a task of this group ends
    cdef object exception(self)                   # the Cancelled to raise

cdef class Scheduler:
    """What a Task may ask of its hub. Breaks the circle between the two modules."""
    cdef Task current            # the task that runs; None while the hub itself does
    cdef str thread_name         # of the OS thread, when the hub was made

    cdef int may_park(self, Task me, bint cancellable) except -1
    cdef int park(self, str kind, object obj, int64_t deadline, bint cancellable) except -1
    cdef bint wake(self, Task task, int how, object value) noexcept

cdef class Task(greenlet):
    cdef Scheduler hub           # where it runs, for life; None once its hub is gone
    # Greenlet to switch to; owned. Self, unless a raw greenlet inside the task parked, or
    # this is a main task.
    cdef PyObject* target
    cdef PyObject* live_next     # links in its hub's circle of unfinished tasks,
    cdef PyObject* live_prev     # which owns one reference to each
    cdef WaitNode node           # linked in the ready queue, or where it waits if in one list
    cdef WaitList joiners        # tasks that wait for this one to finish
    cdef Timer timer             # deadline of the current park
    # What the waker passed to the last park; once done the result, or the exception.
    cdef object value
    cdef object fn               # what to run; its name (str) once it has run
    cdef tuple args              # dropped as it ends
    cdef object context          # contextvars.Context the task runs in
    cdef Tracing tracing         # its trace functions while it does not run; None if it has none
    cdef Coroutines coroutines   # its event loop and hooks while it is parked; None if it has none
    cdef str kind                # wait reason: "read", "sleep", "lock" ...
    cdef object obj              # wait reason: what it waits for; once failed its traceback
    cdef object requests         # None, or a list of exceptions and Cancellers, for a checkpoint
    cdef Canceller group         # the task group it belongs to, or None
    cdef object spawner          # weak reference to the task that spawned this one, or None
    cdef object spawn_code       # code object and bytecode offset of the spawn call
    cdef object given_name       # None until named
    cdef dict locals             # task-local storage, by the id of a weft.local
    cdef uint64_t id             # process-wide, from 1
    cdef int spawn_lasti
    cdef int fd                  # wait reason: the descriptor, -1 when none
    cdef short shields           # cancellation is held back while > 0
    cdef unsigned char state
    cdef unsigned char how       # Wake of the last park
    cdef unsigned char failed             # value is an exception
    cdef unsigned char collected          # somebody has seen the exception
    cdef unsigned char is_main            # stands for a thread's main greenlet
    cdef unsigned char cancellable        # of the current park

    cdef bint cancel_at(self, object msg, object place) except -1
    cdef bint cancel_with(self, object request) noexcept

# The id of the task made last.
cdef uint64_t last_id
# Set by the hub's module: the calling thread's hub, made on first use.
cdef Scheduler (*here)()
# Set by the hub's module: the calling thread's hub, borrowed; NULL if it has none.
cdef PyObject* (*present)() noexcept
# Set by the hub's module: what becomes of the value of a task being destroyed.
cdef void (*last_words)(Task task) noexcept
# Set by the hub's module: what runs first on every new task's stack.
cdef object bootstrap

cdef int64_t deadline_in(object seconds) except -1
cdef int64_t sleep_deadline(object seconds) except -1
cdef int64_t deadline_at(double deadline) noexcept
cdef str describe(Task task)
cdef str brief(object obj)
cdef str caller_name()
cdef object caller_place()
cdef str function_name(object fn)
cdef str never_ends(Task task)
cdef str name_of_thread(unsigned long ident)
