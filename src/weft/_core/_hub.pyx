"""Hub: the scheduler of one OS thread, and the only code that switches stacks.

Owns: the ready queue, the inbox, the timers, the poller and every unfinished
task of its thread. Must not know: cancel scopes, sockets, tracing.

Where a caller parks: ``park`` (for an event), ``yield_now`` (for its turn).
Who wakes it: ``wake``, called by the poller, an expired timer, another task,
or another thread. A park is answered once: whoever first finds the task
PARKED makes it READY, and every later ``wake`` returns False.

A parking task switches straight to the next ready one; the hub's own greenlet
runs when there is none, for every new task (so that stacks start at the same
depth), and after ``HANDOFFS`` switches or ``TURN`` ns, so that hand-off
starves neither timers nor descriptors.

No Python code runs in the hub's greenlet except the portable pollers'. What ends,
and what is said of it, stands in _ends.pyx, which puts itself into the hooks
of _hub.pxd.
"""

import gc
import os

from _signal import SIGINT as _SIGINT
from _signal import default_int_handler, getsignal, signal

cimport cython
from cpython.object cimport PyObject
from cpython.pystate cimport PyThreadState_GetDict
from cpython.ref cimport Py_CLEAR, Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc

from weft._core cimport _clock, _task
from weft._core._clock cimport now_ns
from weft._core._coroutines cimport (
    PyThreadState_Get,
    put_coroutines,
    take_coroutines,
    weft_uses_coroutines,
)
from weft._core._debug cimport weft_check
from weft._core._epoll cimport EpollPoller
from weft._core._greenlet cimport (
    PyGreenlet_GetCurrent,
    PyGreenlet_GetParent,
    PyGreenlet_Import,
    PyGreenlet_SetParent,
    PyGreenlet_Switch,
    greenlet,
)
from weft._core._poller cimport READ, FdState, Poller
from weft._core._signals cimport empty_pipe, in_main_thread, open_pipe
from weft._core._sys cimport (
    forever,
    weft_reset_recursion,
    weft_set_exception,
    weft_take_exception,
)
from weft._core._task cimport (
    DONE,
    EXPIRED,
    NEW,
    PARKED,
    READY,
    RUNNING,
    THROWN,
    WOKEN,
    Canceller,
    Scheduler,
    Task,
    function_name,
    name_of_thread,
)
from weft._core._timers cimport Timer, TimerHeap
from weft._core._tracing cimport (
    end_tracing,
    inherited,
    put_tracing,
    take_tracing,
    weft_is_traced,
)
from weft._core._waitlist cimport (
    WaitNode,
    list_empty,
    list_init,
    list_move,
    node_append,
    node_init,
    node_linked,
    node_pop,
    node_prepend,
    node_unlink,
)

from weft._errors import Cancelled, TaskError

PyGreenlet_Import()

cdef extern from *:
    """
    /* The calling thread's hub; owned by the thread's state dictionary. */
    static __thread PyObject *weft_hub;

    #include <unistd.h>

    static void weft_stay(int *unwound) {
        while (*unwound)
            pause();
    }

    /* PyObject_Call as the lowest frame of a greenlet. Before 3.14 CPython ends
       a daemon thread that wants the GIL of a dying interpreter by pthread_exit,
       which unwinds its stack; greenlet's C++ frames turn that into an abort of
       the whole process. Here the thread stays for ever, as in 3.14
       (the cleanup runs on unwinding because of -fexceptions). */
    static __attribute__((noinline)) PyObject *
    weft_call(PyObject *fn, PyObject *args) {
        int unwound __attribute__((cleanup(weft_stay))) = 1;
        PyObject *value = PyObject_CallObject(fn, args);
        unwound = 0;
        return value;
    }
    """
    PyObject* weft_hub
    PyObject* weft_call(PyObject* fn, PyObject* args) noexcept

cdef extern from "Python.h":
    int Py_AddPendingCall(int (*call)(void*) except -1, void* arg) noexcept
    int PyContext_Enter(object context) noexcept         # -1 with an exception set
    int PyContext_Exit(object context) noexcept
    void PyObject_GC_Track(PyObject* op) noexcept
    void PyObject_GC_UnTrack(PyObject* op) noexcept
    unsigned long PyThread_get_thread_ident() noexcept

cdef enum:
    HANDOFFS = 64                # task switches between two runs of the hub
    TURN = 1000000               # ns: the same, in time
    # A task's operations without parking until it yields. The first of them looks at the clock,
    # and every eighth after it.
    OPERATIONS = 65
    SLICE = 5000000              # ns: the same, in time

# ns an idle hub waits until it asks whether anything can ever run again: at first, and again.
# No enum, whose values are ints.
cdef int64_t DOUBT = 20000000
cdef int64_t LONG_DOUBT = 10000000000

# Every hub of the process, appended and removed under the GIL.
cdef list hubs = []
# The OS thread that collects garbage now, 0 for none: a park in there would
# leave collection off for good.
cdef unsigned long collecting = 0


@cython.final
cdef class Hub(Scheduler):
    """The scheduler of one OS thread; made by the first weft call in that thread."""

    def __init__(self, *args, **kwargs):
        raise TypeError("a Hub is made by the first weft call in its thread")

    def __dealloc__(self):
        free(self.scratch)

    cdef void append(self, Task task) noexcept:
        """Put a task that is READY or NEW at the end of the ready queue."""
        weft_check(task.state == READY or task.state == NEW)
        weft_check(not node_linked(&task.node))
        node_append(&self.ready, &task.node)

    cdef PyObject* take(self) noexcept:
        if self.shuffle:
            return self.pick()
        return node_pop(&self.ready).waiter

    cdef PyObject* pick(self) noexcept:
        """The ready task that ranks first in the present order, which now and then changes."""
        cdef WaitNode* node = self.ready.next
        cdef WaitNode* first = node
        if self.random() % self.constancy == 0:
            self.order = self.random()
        while node != <WaitNode*>&self.ready:
            if self.rank(<Task>node.waiter) < self.rank(<Task>first.waiter):
                first = node
            node = node.next
        node_unlink(first)
        return first.waiter

    cdef uint64_t rank(self, Task task) noexcept:
        # Not by address or by id, which differ between runs: by how many tasks came before.
        return spread(self.order ^ max(<int64_t>(task.id - self.last_stranger), 0))

    cdef uint64_t random(self) noexcept:
        """xorshift64* (S. Vigna, "An experimental exploration of Marsaglia's xorshift")."""
        self.shuffle ^= self.shuffle >> 12
        self.shuffle ^= self.shuffle << 25
        self.shuffle ^= self.shuffle >> 27
        return (self.shuffle * <uint64_t>2685821657736338717) >> 32

    cdef bint wake(self, Task task, int how, object value) noexcept:
        """Answer the park of ``task`` (one of this hub's), from any thread.

        Never switches. Returns False, and does nothing, when the task is not
        parked: somebody else has answered.
        """
        if task.state != PARKED:
            return False
        task.state = READY
        task.how = how
        if value is not None:
            # What was left there is destroyed, which may run Python code, when this is done.
            _left, task.value = task.value, value
        if node_linked(&task.node):
            node_unlink(&task.node)
        if weft_hub == <PyObject*>self:
            self.append(task)
        else:
            self.post(task)
        return True

    cdef void post(self, Task task) noexcept:
        """Hand a READY or NEW task to this hub from another thread.

        The hub says that it sleeps and only then looks into its inbox, so no task
        is left behind: either it is seen there, or its poster sees the sleep.
        """
        weft_check(not node_linked(&task.node))
        node_append(&self.inbox, &task.node)
        self.rouse()

    cdef void rouse(self) noexcept:
        if self.sleeping:
            self.sleeping = False
            self.poller.wake()

    cdef void collect(self) noexcept:
        """Move the inbox to the end of the ready queue."""
        list_move(&self.inbox, &self.ready)

    # -- parking -------------------------------------------------------------

    cdef int park(self, str kind, object obj, int64_t deadline, bint cancellable) except -1:
        """Stop the running task until somebody wakes it.

        Returns WOKEN or EXPIRED; what the waker passed is in ``value``.
        What was thrown is raised. The caller has linked the task's node where
        it waits; it is unlinked again when this returns or raises.
        """
        cdef Task me = self.current
        self.begin_wait(me, kind, obj, deadline, cancellable)
        self.switch_away(me)
        self.end_wait(me)
        if me.how == THROWN:
            raise_thrown(me)
        return me.how

    cdef int begin_wait(self, Task me, str kind, object obj, int64_t deadline,
                        bint cancellable) except -1:
        # Apart from park, whose frame is part of every parked task's saved stack.
        self.may_park(me, cancellable)
        me.kind = kind
        me.obj = obj
        me.cancellable = cancellable
        if deadline != forever():
            self.timers.arm(&me.timer, deadline)
        weft_check(me.state == RUNNING)
        weft_check(self.current is me)
        if me.fd >= 0:
            self.on_fds += 1
        me.state = PARKED
        return 0

    cdef void end_wait(self, Task me) noexcept:
        if me.timer.place >= 0:
            self.timers.cancel(&me.timer)
        me.obj = None
        if me.fd >= 0:
            self.on_fds -= 1
            me.fd = -1

    cdef int may_park(self, Task me, bint cancellable) except -1:
        """Raise what is due, or why the calling code cannot park; note who parks."""
        if me is None:
            raise TaskError("a destructor or callback that runs in the hub cannot park; "
                            "spawn a task from it instead")
        if in_collection():
            leave(me)
            raise TaskError("cannot park during a garbage collection (a __del__ or weakref "
                            "callback): collection would stay off; spawn a task from it instead")
        if me.requests is not None:
            self.deliver(me, cancellable)
        return self.note_who_parks(me)

    cdef int note_who_parks(self, Task me) except -1:
        cdef PyObject* now_running = PyGreenlet_GetCurrent()
        if now_running == me.target:
            Py_DECREF(<object>now_running)
            return 0
        return self.note_greenlet(me, now_running)

    cdef int note_greenlet(self, Task me, PyObject* now_running) except -1:
        """A raw greenlet inside the task parks (or the task itself again): resume that one."""
        if now_running == <PyObject*>self.greenlet:
            Py_DECREF(<object>now_running)
            raise TaskError("the hub's greenlet cannot park")
        if me.target != NULL and me.target != <PyObject*>me:
            # Not destroyed here: that may run Python code, and from where the caller put
            # the task's node until it is PARKED nobody else may run, or a wake-up is lost.
            self.garbage.append(<object>me.target)
            Py_DECREF(<object>me.target)
        me.target = now_running
        if now_running == <PyObject*>me:
            Py_DECREF(<object>now_running)       # a task does not own itself
        return 0

    cdef int deliver(self, Task me, bint cancellable) except -1:
        """Raise the first request that may be raised here; Cancelled can be held back."""
        cdef Py_ssize_t i
        for i in range(len(me.requests)):
            request = me.requests[i]
            if may_deliver(me, request, cancellable):
                del me.requests[i]
                if not me.requests:
                    me.requests = None
                leave(me)
                raise_request(request)
        return 0

    cdef int yield_now(self, Task me) except -1:
        """Let every task that is ready now run before ``me`` goes on."""
        self.may_park(me, True)
        self.step_aside(me)
        if me.requests is not None:
            self.deliver(me, True)
        return 0

    cdef int step_aside(self, Task me) except -1:
        """To the back of the queue; what is thrown at the task meanwhile stays a request."""
        me.state = READY
        self.append(me)
        return self.switch_away(me)

    cdef bint preempt(self) except -1:
        """Let others run although the task asked for nothing; whether it was possible.

        Delivers no cancellation: that comes at checkpoints alone.
        """
        cdef Task me = self.current
        cdef PyObject* now_running
        if me is None or in_collection():
            return False
        now_running = PyGreenlet_GetCurrent()
        Py_DECREF(<object>now_running)
        if now_running != me.target:
            return False                 # a raw greenlet: what it counts on is not known
        self.handoffs = 0                # the kernel and the timers have waited as well
        self.step_aside(me)
        return True

    cdef int share(self) except -1:
        """The running task has had its operations or its time: to the back."""
        if self.operations > 0 and not self.time_is_up():
            return 0
        self.operations = 1 if self.shuffle else OPERATIONS
        if self.current is not None and not collecting:
            self.yield_now(self.current)
        return 0

    cdef bint time_is_up(self) noexcept:
        """Whether the running task has had its slice, which begins with its first operation.

        Not with the hub's last look at the clock: that may be old, and the time since another's.
        """
        cdef int64_t now = now_ns()
        if self.slice_end == 0:
            self.slice_end = now + SLICE
        return now >= self.slice_end

    cdef int switch_away(self, Task me) except -1:
        """To the next ready task if it has a stack and the turn lasts, else to the hub."""
        cdef PyObject* target
        if weft_uses_coroutines(self.thread_state) or weft_is_traced(self.thread_state):
            self.set_state_aside(me)
        target = self.next_target()
        if target == NULL:
            self.current = None
            target = <PyObject*>self.greenlet
        elif self.current is me:
            return self.bring_state_back(me)
        target = PyGreenlet_Switch(target, NULL, NULL)
        if self.hurried and me is self.main:
            self.see_to_main()
        if target != NULL and me.state == RUNNING:
            Py_DECREF(<object>target)
            return self.bring_state_back(me)
        return self.resumed_behind_our_back(me, target)

    cdef void see_to_main(self) noexcept:
        """The main task resumes: have what is due raised between two of its bytecodes.

        As the interpreter does with a signal's handler: in the middle of a lock's ``acquire``
        nobody could tell whether it has the lock.
        """
        # Refused when too many are pending: then at its next park.
        self.hurried = Py_AddPendingCall(&raise_what_is_due, NULL) != 0

    cdef void set_state_aside(self, Task me) noexcept:
        if weft_is_traced(self.thread_state):
            me.tracing = take_tracing(self.thread_state)
        if weft_uses_coroutines(self.thread_state):
            me.coroutines = take_coroutines(self.thread_state)

    cdef int bring_state_back(self, Task me) except -1:
        if me.coroutines is not None:
            kept, me.coroutines = me.coroutines, None
            put_coroutines(self.thread_state, kept)
        if me.tracing is not None:
            tracing, me.tracing = me.tracing, None
            put_tracing(self.thread_state, tracing)
        return 0

    cdef PyObject* next_target(self) noexcept:
        """Make the next ready task the running one; the greenlet to switch to, NULL for the hub."""
        cdef PyObject* task
        if list_empty(&self.ready) or self.handoffs <= 0 or self.shuffle:
            return NULL
        task = self.ready.next.waiter
        if (<Task>task).target == NULL:
            return NULL
        if self.turn_is_over():
            return NULL
        self.take()
        self.set_running(task)
        return (<Task>task).target

    cdef bint turn_is_over(self) noexcept:
        """Count a switch. The clock, a tenth of its cost, is looked at for every fourth."""
        self.handoffs -= 1
        if self.handoffs & 3:
            return False
        self.time = now_ns()
        return self.time >= self.turn_end

    cdef int resumed_behind_our_back(self, Task me, PyObject* passed) except -1:
        """Somebody switched or threw into a parked greenlet himself."""
        self.end_wait(me)
        if me.state != RUNNING:
            leave(me)                # the list it waits in, or the ready queue
            me.state = RUNNING
            self.current = me
        try:
            if passed == NULL:
                raise_set()
        finally:
            self.bring_state_back(me)
        Py_DECREF(<object>passed)
        raise TaskError(f"the greenlet of task {me.name!r} was switched to while it was parked; "
                        f"only weft.lowlevel.unpark may wake a parked task")

    cdef void set_running(self, PyObject* task) noexcept:
        weft_check((<Task>task).state == READY or (<Task>task).state == NEW)
        (<Task>task).state = RUNNING
        self.current = <Task>task
        self.switches += 1
        self.slice_end = 0
        self.operations = 1 if self.shuffle else OPERATIONS

    # -- the loop --------------------------------------------------------------

    def _run(self):
        """What the hub's greenlet runs; it starts as deep as whoever made the hub."""
        cdef PyObject* value
        weft_reset_recursion()
        loop = self._loop
        value = weft_call(<PyObject*>loop, NULL)
        if value == NULL:
            raise_set()
        Py_DECREF(<object>value)

    def _loop(self):
        """Turn after turn, until its thread ends."""
        while not self.closing:
            self.turn()
            while self.handoffs > 0 and not list_empty(&self.ready) and not self.closing:
                self.resume()

    cdef int resume(self) except -1:
        """Run the next ready task, from the hub's stack, until control comes back here."""
        cdef PyObject* task = self.take()
        cdef PyObject* passed
        if self.turn_is_over():
            self.handoffs = 0
        self.set_running(task)
        if (<Task>task).target != NULL:
            passed = PyGreenlet_Switch((<Task>task).target, NULL, NULL)
        else:
            passed = PyGreenlet_Switch(task, NULL, NULL)
        self.current = None
        if passed == NULL:
            return raise_set()
        Py_DECREF(<object>passed)
        return 0

    cdef int turn(self) except -1:
        """Collect what became ready elsewhere: other threads, timers, the kernel."""
        cdef int64_t now
        self.passes += 1
        self.collect()
        if self.chores_due():
            self.spawn_chores()
        # The kernel before the timers: what came in time must not be told that
        # it is late because a task kept the hub from looking.
        if list_empty(&self.ready):
            self.idle()
        elif self.poller.registered:
            self.ask(0)
        self.collect()
        now = self.expire()
        self.time = now
        self.turn_end = now + TURN
        self.handoffs = HANDOFFS
        return 0

    cdef int idle(self) except -1:
        """No task is ready: wait for the kernel, a timer or another thread."""
        cdef int64_t deadline = self.timers.next_deadline()
        if self.keeps_time:
            return self.idle_in_virtual_time(deadline)
        return self.idle_in_doubt() if self.never_woken() else self.ask(deadline)

    cdef int idle_in_virtual_time(self, int64_t deadline) except -1:
        """What is under way comes first, be it a call in a thread; then the clock jumps."""
        if self.in_threads:
            return self.ask(forever())
        self.ask(0)
        self.collect()
        if not self.nothing_came():
            return 0
        if deadline != forever():
            _clock.virtual_ns = max(deadline, _clock.virtual_ns)
            return 0
        return self.idle_in_doubt() if self.never_woken() else self.ask(deadline)

    cdef int idle_in_doubt(self) except -1:
        """Only another thread or a signal can end this: wait a while, then have it looked into."""
        cdef int64_t patience = forever()
        if self.switches != self.doubt_mark + 1:
            self.doubt = 0               # more than the task that looked into it has run since
        if self.doubt < 2 and in_doubt is not None:
            patience = now_ns() + (DOUBT if self.doubt == 0 else LONG_DOUBT)
        self.ask(patience)
        if patience == forever():
            return 0
        if self.nothing_came() and self.never_woken():
            self.doubt += 1
            self.doubt_mark = self.switches
            new_task(self, in_doubt, (self.doubt,), None, "weft-doubt")
        return 0

    cdef bint nothing_came(self) noexcept:
        return list_empty(&self.ready) and list_empty(&self.inbox) and not self.chores_due()

    cdef bint never_woken(self) noexcept:
        """No descriptor, no timer and no call in a thread will ever wake a task of this hub."""
        return not (self.on_fds or self.in_threads or self.timers.size)

    cdef int ask(self, int64_t deadline) except -1:
        """Let the poller report, waiting until ``deadline`` (0: only a look)."""
        cdef int64_t timeout = deadline
        if deadline != 0 and deadline != forever():
            timeout = max(deadline - now_ns(), 0)
        self.sleeping = timeout != 0
        # Said first, then looked: whoever posts from now on sees that the hub sleeps.
        if not list_empty(&self.inbox):
            timeout = 0
        try:
            self.poller.wait(timeout)
        finally:
            self.sleeping = False
        if self.poller.interrupted:
            self.signalled = True
        return 0

    cdef int64_t expire(self) noexcept:
        cdef int64_t now = now_ns()
        cdef Timer* timer = self.timers.pop_expired(now)
        while timer != NULL:
            if isinstance(<object>timer.owner, Canceller):
                (<Canceller>timer.owner).on_deadline()
            else:
                self.wake(<Task>timer.owner, EXPIRED, None)
            timer = self.timers.pop_expired(now)
        return now

    # -- chores: what the hub must not run itself -----------------------------------

    cdef bint chores_due(self) noexcept:
        return self.signalled or self.failures or self.garbage

    cdef int spawn_chores(self) except -1:
        if self.signalled:
            self.signalled = False
            self.watch_signals()
            self.jump_queue(new_task(self, run_signal_handlers, (), None, "weft-signals"))
        if self.failures:
            failures, self.failures = self.failures, []
            new_task(self, report_failures, (failures,), None, "weft-failures")
        if self.garbage:
            garbage, self.garbage = self.garbage, []
            new_task(self, garbage.clear, (), None, "weft-garbage")
        return 0

    cdef int jump_queue(self, Task task) except -1:
        """Move the task that was just appended to the front."""
        node_unlink(&task.node)
        node_prepend(&self.ready, &task.node)
        return 0

    cdef int watch_signals(self) except -1:
        """Have the next byte in the wakeup pipe end the wait; the pipe is emptied first."""
        cdef FdState* fs
        if self.signal_pipe is None:
            return 0
        empty_pipe(self.signal_pipe)
        fs = self.poller.state(self.signal_pipe[0])
        if not node_linked(&self.signal_node):
            node_append(&fs.readers, &self.signal_node)
        self.poller.watch(fs, READ, False)
        return 0

    cdef int raise_in_main(self, object exc) except -1:
        """Raise ``exc`` in the main task: where it parks, or as soon as it runs."""
        if not self.wake(self.main, THROWN, exc):
            if self.main.requests is None:
                self.main.requests = []
            self.main.requests.append(exc)
            self.hurried = self.in_main_thread
        return 0

    # -- the life of a task -----------------------------------------------------------

    cdef bint begin(self, Task me) noexcept:
        """On the new stack of ``me``: make ready for its function; False if it is not to run."""
        me.target = <PyObject*>me
        weft_reset_recursion()
        if me.requests is not None:
            me.context = None
            try:
                stopped = exception_of(me.requests[0])
            except BaseException as exc:
                stopped = exc
            weft_set_exception(stopped)
            return False
        if me.context is not None and PyContext_Enter(me.context) < 0:
            me.context = None
            return False
        if me.tracing is not None:
            return self.begin_tracing(me)
        return True

    cdef bint begin_tracing(self, Task me) noexcept:
        try:
            self.bring_state_back(me)
        except BaseException as exc:
            weft_set_exception(exc)
            return False
        return True

    cdef int end(self, Task me, PyObject* value) except -1:
        """Its function returned ``value``, or raised and it is NULL."""
        cdef bint failed = value == NULL
        cdef PyObject* last = me.target
        if failed:
            # Before anything else: code that runs with an exception set may lose it.
            value = weft_take_exception()
        if me.context is not None and PyContext_Exit(me.context) < 0:
            Py_CLEAR(value)
            failed = True
            value = weft_take_exception()
        me.args = None
        if weft_is_traced(self.thread_state):
            end_tracing()
        if weft_uses_coroutines(self.thread_state):
            take_coroutines(self.thread_state)       # nobody's: it has not unset them
        if last != <PyObject*>me:
            # The raw greenlet that parked last: its parent is this task, and the collector
            # does not see the way back.
            me.target = <PyObject*>me
            Py_DECREF(<object>last)
        if me.is_main:
            exit_child(<object>value if failed else None)
        self.finish(me, <object>value, failed)
        if failed:
            me.obj = me.value.__traceback__
            me.collected |= isinstance(me.value, Cancelled)
        Py_DECREF(<object>value)
        return 0

    cdef int finish(self, Task task, object value, bint failed) except -1:
        """Record how the running task ended and wake who waits for it. Runs on its stack."""
        try:
            task.fn = function_name(task.fn)
        except BaseException as exc:         # of a proxy, that waited for its name
            task.fn = type(task.fn).__qualname__
            if not isinstance(exc, Cancelled):
                self.raise_in_main(exc)
        task.context = task.locals = task.requests = None
        task.value = value
        task.failed = failed
        task.state = DONE
        dismiss(task, None)
        if task.group is not None:
            # It collects what the task ended with, whatever that is.
            task.collected = True
            task.group.child_done(task)
            task.group = None
        elif failed and not isinstance(value, Cancelled):
            note_failure(task)
        if failed and not task.collected and isinstance(value, (SystemExit, KeyboardInterrupt)):
            task.collected = True
            self.raise_in_main(value)
        PyObject_GC_Track(<PyObject*>task)
        unlink_live(self, task)
        return 0

    cdef char* scratch_buffer(self) except NULL:
        """``SCRATCH`` bytes for one system call; whatever parks loses what is in them."""
        if self.scratch == NULL:
            self.scratch = <char*>malloc(SCRATCH)
            if self.scratch == NULL:
                raise MemoryError
        return self.scratch

    # -- fork and the end of the thread -------------------------------------------------

    cdef int start(self) except -1:
        """Make the poller and, in the main thread, the pipe that signals write to."""
        self.poller = new_poller()
        self.poller.unpark = unpark_waiter
        try:
            if self.signal_pipe is None:
                self.signal_pipe = open_pipe()
            self.watch_signals()
        except BaseException:
            self.poller.close(False)     # else it stays until the collector finds the hub
            raise
        if self.in_main_thread and getsignal(_SIGINT) is default_int_handler:
            signal(_SIGINT, interrupt)
        return 0

    @property
    def ready(self):
        """How many tasks are ready to run."""
        cdef Py_ssize_t n = 0
        cdef WaitNode* node = self.ready.next
        while node != <WaitNode*>&self.ready:
            n += 1
            node = node.next
        return n

    def statistics(self):
        """Counts, as a dict: unfinished ``tasks``, those of them that wait ``on_descriptors`` or
        for calls ``in_threads``, armed ``timers``, registered ``descriptors``, ``passes`` of the
        loop, and the ``poller``'s name."""
        return {
            "tasks": self.live_count,
            "on_descriptors": self.on_fds,
            "in_threads": self.in_threads,
            "timers": self.timers.size,
            "descriptors": self.poller.registered,
            "passes": self.passes,
            "poller": self.poller.name,
        }


cdef uint64_t spread(uint64_t z) noexcept:
    """splitmix64's mixing step (G. Steele et al., "Fast splittable pseudorandom generators")."""
    z += <uint64_t>0x9e3779b97f4a7c15
    z = (z ^ (z >> 30)) * <uint64_t>0xbf58476d1ce4e5b9
    z = (z ^ (z >> 27)) * <uint64_t>0x94d049bb133111eb
    return z ^ (z >> 31)


cdef Hub get_hub():
    """The calling thread's hub, made on first use."""
    if weft_hub != NULL:
        return <Hub>weft_hub
    return new_hub()


cdef PyObject* peek_hub() noexcept:
    """The calling thread's hub, borrowed; NULL if it has none."""
    return weft_hub


cdef int forget_hub(Hub hub) except -1:
    """``hub`` is no hub of this process any more; its own thread, if alive, calls this."""
    global weft_hub
    hub_gone(hub)
    hubs.remove(hub)
    if weft_hub == <PyObject*>hub:
        weft_hub = NULL
    return 0


cdef list hubs_of_process():
    """Every hub there is, the oldest first."""
    return list(hubs)


cdef Scheduler here():
    return get_hub()


cdef Hub new_hub():
    global weft_hub
    cdef Hub hub = Hub.__new__(Hub)
    cdef Task main
    hub.ident = PyThread_get_thread_ident()
    hub.thread_state = PyThreadState_Get()
    hub.thread_name = name_of_thread(hub.ident)
    hub.in_main_thread = in_main_thread()
    hub.timers = TimerHeap()
    hub.failures, hub.garbage, hub.abandoned = [], [], []
    node_init(&hub.signal_node, NULL)
    list_init(&hub.ready)
    list_init(&hub.inbox)
    main = hub.main = Task.__new__(Task)
    main.hub = hub
    main.fn = main.given_name = "main" if hub.in_main_thread else f"main of {hub.thread_name}"
    main.is_main = True
    main.state = RUNNING
    main.target = root_greenlet()
    hub.current = main
    hub.greenlet = greenlet(hub._run, <object>main.target)
    hub.start()
    (<dict>PyThreadState_GetDict())["weft.hub"] = keep(hub)
    hubs.append(hub)
    hub_made(hub)
    weft_hub = <PyObject*>hub
    return hub


cdef PyObject* root_greenlet() except NULL:
    """The thread's main greenlet, a new reference, whichever runs now."""
    cdef PyObject* child = PyGreenlet_GetCurrent()
    cdef PyObject* parent
    if child == NULL:
        raise_set()
    parent = PyGreenlet_GetParent(child)
    while parent != NULL:
        Py_DECREF(<object>child)
        child = parent
        parent = PyGreenlet_GetParent(child)
    return child


cdef Poller new_poller():
    name = os.environ.get("WEFT_POLLER", "epoll")
    if name == "epoll":
        return EpollPoller()
    if name in ("poll", "select"):
        from weft._core._portable import PollPoller, SelectPoller
        return PollPoller() if name == "poll" else SelectPoller()
    raise ValueError(f"WEFT_POLLER is {name!r}; it must be epoll, poll or select")


cdef void unpark_waiter(PyObject* waiter) noexcept:
    """The poller has an event for ``waiter``; NULL stands for the signal pipe."""
    if waiter == NULL:
        (<Hub>weft_hub).signalled = True
    else:
        (<Task>waiter).hub.wake(<Task>waiter, WOKEN, None)


cdef void dismiss(Task task, object exc) noexcept:
    """Wake who joined ``task``: it is done, or never will be, and then ``exc`` says so."""
    cdef WaitNode* node = node_pop(&task.joiners)
    cdef Task joiner
    while node != NULL:
        joiner = <Task>node.waiter
        joiner.hub.wake(joiner, WOKEN if exc is None else THROWN, exc)
        node = node_pop(&task.joiners)


cdef void leave(Task task) noexcept:
    if node_linked(&task.node):
        node_unlink(&task.node)


cdef int raise_thrown(Task me) except -1:
    request, me.value = me.value, None
    return raise_request(request)


cdef int raise_request(object request) except -1:
    raise exception_of(request)


cdef object exception_of(object request):
    return (<Canceller>request).exception() if isinstance(request, Canceller) else request


cdef bint may_deliver(Task me, object request, bint cancellable) except -1:
    """A cancellation is held back by shields, and where the task must not be cancelled."""
    if isinstance(request, Canceller):
        return cancellable and me.shields <= (<Canceller>request).depth
    return (cancellable and me.shields == 0) or not isinstance(request, Cancelled)


cdef int raise_what_is_due(void* unused) except -1:
    """Called by the interpreter in the main thread; once another task runs it is too late."""
    cdef PyObject* hub = peek_hub()
    cdef Task main
    if hub == NULL:
        return 0
    main = (<Hub>hub).main
    if (<Hub>hub).current is main and main.requests is not None:
        (<Hub>hub).deliver(main, False)
    return 0


cdef int raise_set() except -1:
    """Let the exception pass that a C function has set."""
    return -1


# -- tasks -----------------------------------------------------------------------

cdef Task new_task(Hub hub, object fn, tuple args, object context, object name):
    """Make a task of ``hub`` and put it at the end of its ready queue."""
    cdef Task task = Task.__new__(Task)
    task.hub = hub
    task.fn = fn
    task.args = args
    task.context = context
    task.given_name = name
    PyGreenlet_SetParent(<PyObject*>task, <PyObject*>hub.greenlet)
    # Its hub keeps it, so until it is done it is no garbage: the collector need not look.
    PyObject_GC_UnTrack(<PyObject*>task)
    if weft_hub != NULL and weft_is_traced((<Hub>weft_hub).thread_state):
        task.tracing = inherited((<Hub>weft_hub).thread_state)
    link_live(hub, task)
    if weft_hub == <PyObject*>hub:
        hub.append(task)
    else:
        hub.post(task)
    return task


cdef void link_live(Hub hub, Task task) noexcept:
    Py_INCREF(task)
    task.live_prev = NULL
    task.live_next = hub.live
    if hub.live != NULL:
        (<Task>hub.live).live_prev = <PyObject*>task
    hub.live = <PyObject*>task
    hub.live_count += 1


cdef void unlink_live(Hub hub, Task task) noexcept:
    if task.live_prev != NULL:
        (<Task>task.live_prev).live_next = task.live_next
    else:
        hub.live = task.live_next
    if task.live_next != NULL:
        (<Task>task.live_next).live_prev = task.live_prev
    task.live_prev = task.live_next = NULL
    hub.live_count -= 1
    Py_DECREF(task)


cdef list live_tasks(Hub hub):
    """The unfinished tasks of ``hub``, oldest first, without its main task."""
    cdef list found = []
    cdef PyObject* task = hub.live
    while task != NULL:
        found.append(<Task>task)
        task = (<Task>task).live_next
    found.reverse()
    return found


def _bootstrap():
    """First on every task's stack: run the function, record how it ended.

    Its frame is part of every parked task's saved stack, so what happens before
    and after the call happens in functions of its own.
    """
    cdef PyObject* me = <PyObject*>(<Hub>weft_hub).current
    cdef PyObject* value = NULL
    if (<Hub>weft_hub).begin(<Task>me):
        value = weft_call(<PyObject*>(<Task>me).fn, <PyObject*>(<Task>me).args)
    (<Hub>weft_hub).end(<Task>me, value)


def _gc_phase(phase, info):
    """gc.callbacks entry: note which thread collects."""
    global collecting
    collecting = PyThread_get_thread_ident() if phase == "start" else 0


cdef bint in_collection() noexcept:
    """Whether the calling thread collects garbage, where nothing can park."""
    return collecting != 0 and collecting == PyThread_get_thread_ident()


cdef void no_collection() noexcept:
    """In a forked child: whoever collected garbage may not exist here."""
    global collecting
    collecting = 0


_task.here = here
_task.present = peek_hub
_task.bootstrap = _bootstrap
gc.callbacks.append(_gc_phase)
