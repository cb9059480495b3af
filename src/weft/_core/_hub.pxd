"""Hub: the scheduler of one OS thread; see _hub.pyx."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from weft._core._coroutines cimport PyThreadState
from weft._core._poller cimport FdState, Poller
from weft._core._task cimport Scheduler, Task
from weft._core._timers cimport TimerHeap
from weft._core._waitlist cimport WaitList, WaitNode

cdef enum:
    # Up to this size a read goes through the hub's scratch buffer: a task that
    # parks must not hold the 64 KiB it asked for, ten thousand of them least of all.
    SCRATCH = 65536


cdef class Hub(Scheduler):
    cdef readonly Task main          # stands for the thread's main greenlet
    cdef object greenlet             # runs the loop; the parent of every task's greenlet
    cdef WaitList ready              # through Task.node: a ready task waits in no other list
    cdef WaitList inbox              # the same, woken by other threads
    cdef PyObject* live              # circle of unfinished tasks; one reference each
    cdef Py_ssize_t live_count
    cdef Py_ssize_t on_fds           # tasks parked until a descriptor is ready
    cdef Py_ssize_t in_threads       # tasks parked until a thread or process has made their call
    cdef TimerHeap timers
    cdef readonly Poller poller
    cdef int64_t time                # ns: when the clock was last read for a switch
    cdef int64_t turn_end            # ns: when the hub must run, however short the tasks' turns
    cdef int64_t slice_end           # ns: when the running task has had its share; 0 until it asks
    cdef int handoffs                # tasks that may still be resumed before the hub runs
    cdef int operations              # operations the running task may still do without parking
    cdef bint sleeping               # waits on the kernel without the GIL: other threads wake it
    cdef bint signalled              # a wait was interrupted; handlers are due
    cdef bint hurried                # something is to be raised in the main task as it resumes
    cdef bint keeps_time             # it alone moves the virtual clock on
    cdef int doubt                   # idle, and nobody known who could end that: how often it asked
    cdef uint64_t shuffle            # state of the random order tasks run in; 0: as they came
    cdef uint64_t order              # ranks the tasks while it lasts: the first that is ready runs
    cdef uint64_t constancy          # how many times a task is picked, on average, in one order
    cdef uint64_t last_stranger      # id of the last task made before the shuffle
    cdef bint in_main_thread         # its thread is the interpreter's main thread
    cdef bint closing                # its thread is ending
    cdef unsigned long ident         # of its OS thread
    cdef PyThreadState* thread_state         # of its OS thread, which it lies in
    cdef tuple signal_pipe           # (read, write): a byte comes at each signal; main thread only
    cdef WaitNode signal_node        # waits on the pipe; its waiter is NULL
    cdef list abandoned              # in a forked child: the parent's tasks, kept, never run
    cdef char* scratch               # where a recv lands that may have to park
    cdef list garbage                # values the hub must not destroy itself
    cdef list failures               # (description, exception) nobody collected, to be logged
    cdef uint64_t switches           # tasks resumed so far
    cdef uint64_t doubt_mark         # the same, when it asked last
    cdef uint64_t passes             # of the loop; how often it asked the kernel

    cdef void append(self, Task task) noexcept
    cdef PyObject* take(self) noexcept
    cdef PyObject* pick(self) noexcept
    cdef uint64_t rank(self, Task task) noexcept
    cdef uint64_t random(self) noexcept
    cdef void post(self, Task task) noexcept
    cdef void rouse(self) noexcept
    cdef void collect(self) noexcept
    cdef int note_who_parks(self, Task me) except -1
    cdef int note_greenlet(self, Task me, PyObject* now_running) except -1
    cdef int deliver(self, Task me, bint cancellable) except -1
    cdef int yield_now(self, Task me) except -1
    cdef int step_aside(self, Task me) except -1
    cdef bint preempt(self) except -1
    cdef int share(self) except -1
    cdef bint time_is_up(self) noexcept
    cdef int switch_away(self, Task me) except -1
    cdef void set_state_aside(self, Task me) noexcept
    cdef void see_to_main(self) noexcept
    cdef int bring_state_back(self, Task me) except -1
    cdef PyObject* next_target(self) noexcept
    cdef bint turn_is_over(self) noexcept
    cdef int resumed_behind_our_back(self, Task me, PyObject* passed) except -1
    cdef void set_running(self, PyObject* task) noexcept
    cdef int resume(self) except -1
    cdef int turn(self) except -1
    cdef int idle(self) except -1
    cdef int idle_in_virtual_time(self, int64_t deadline) except -1
    cdef int idle_in_doubt(self) except -1
    cdef bint nothing_came(self) noexcept
    cdef bint never_woken(self) noexcept
    cdef int ask(self, int64_t deadline) except -1
    cdef int64_t expire(self) noexcept
    cdef bint chores_due(self) noexcept
    cdef int spawn_chores(self) except -1
    cdef int jump_queue(self, Task task) except -1
    cdef int watch_signals(self) except -1
    cdef int raise_in_main(self, object exc) except -1
    cdef int begin_wait(self, Task me, str kind, object obj, int64_t deadline,
                        bint cancellable) except -1
    cdef void end_wait(self, Task me) noexcept
    cdef bint begin(self, Task me) noexcept
    cdef bint begin_tracing(self, Task me) noexcept
    cdef int end(self, Task me, PyObject* value) except -1
    cdef int finish(self, Task task, object value, bint failed) except -1
    cdef char* scratch_buffer(self) except NULL
    cdef int start(self) except -1

cdef uint64_t spread(uint64_t z) noexcept
cdef Hub get_hub()
cdef PyObject* peek_hub() noexcept
cdef int forget_hub(Hub hub) except -1
cdef list hubs_of_process()
cdef Task new_task(Hub hub, object fn, tuple args, object context, object name)
cdef list live_tasks(Hub hub)
cdef void leave(Task task) noexcept
cdef void dismiss(Task task, object exc) noexcept
cdef void no_collection() noexcept
cdef bint in_collection() noexcept

# Hooks, set by _ends.pyx: what the hub calls or spawns and must not know.
cdef object run_signal_handlers          # () in a task: signals are due
cdef object interrupt                    # (signum, frame): Ctrl-C
cdef object in_doubt                     # (stage) in a task: nothing seems able to run
cdef object report_failures              # (list of (text, exception)) in a task
cdef int (*note_failure)(Task task) except -1    # it failed; runs no Python code
cdef object (*keep)(Hub hub)             # what dies with the thread, and takes the hub along
cdef void (*hub_made)(Hub hub) noexcept
cdef void (*hub_gone)(Hub hub) noexcept
cdef void (*exit_child)(object failure) noexcept     # what ended it, or None

cdef inline int charge(Hub hub) except -1:
    """Count one operation that did not park; a task past its share goes to the back."""
    hub.operations -= 1
    if (hub.operations & 7) == 0:        # the clock is dear: every eighth time
        return hub.share()
    return 0
