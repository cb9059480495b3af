"""The pool of OS threads that make blocking calls while the calling task parks.

Owns: its threads, the calls that wait for one, and the hub that a call makes in
its thread. Must not know: what it calls. A task parks in ``call_in_thread``; the
thread that made its call wakes it.

Native, so that nothing patched is in it, nobody takes its threads for the
program's, and a thread cannot have the answer before there is somebody to
wake: all but the calls and the waiting for work is atomic under the GIL.
"""

import os
from collections import deque

from cpython.pystate cimport PyThreadState_GetDict
from cpython.ref cimport Py_DECREF, Py_INCREF

from weft._core._hub cimport Hub, get_hub, peek_hub
from weft._core._sys cimport forever
from weft._core._task cimport WOKEN, Task
from weft._core._waitlist cimport (
    WaitList,
    WaitNode,
    list_empty,
    list_init,
    node_append,
    node_linked,
    node_pop,
    node_unlink,
)

from weft._core._thread import thread_failed

cdef extern from *:
    """
    /* Whether the calling thread is one of the pool's. */
    static __thread int weft_in_pool;
    """
    int weft_in_pool

cdef extern from *:
    """
    #include <signal.h>

    static __thread sigset_t weft_inherited;

    static void weft_block_signals(sigset_t *before) {
        sigset_t all;
        sigfillset(&all);
        sigdelset(&all, SIGBUS);         /* a crash is still faulthandler's to tell of */
        sigdelset(&all, SIGFPE);
        sigdelset(&all, SIGILL);
        sigdelset(&all, SIGSEGV);
        pthread_sigmask(SIG_SETMASK, &all, before);
    }

    static void weft_take_signals(void) {
        pthread_sigmask(SIG_SETMASK, &weft_inherited, NULL);
    }
    """
    ctypedef struct sigset_t:
        pass
    sigset_t weft_inherited
    void weft_block_signals(sigset_t* before) noexcept
    void weft_take_signals() noexcept

cdef extern from "Python.h":
    ctypedef void* PyThread_type_lock
    ctypedef enum PyLockStatus:
        PY_LOCK_ACQUIRED
    PyThread_type_lock PyThread_allocate_lock() noexcept
    void PyThread_free_lock(PyThread_type_lock lock) noexcept
    PyLockStatus PyThread_acquire_lock_timed(
        PyThread_type_lock lock, long long microseconds, int interruptible) noexcept nogil
    void PyThread_release_lock(PyThread_type_lock lock) noexcept
    unsigned long PyThread_start_new_thread(void (*function)(void*) noexcept, void* arg) noexcept
    unsigned long PYTHREAD_INVALID_THREAD_ID

cdef enum:
    # us a thread waits for further work. Short: a thread is soon made again, and
    # what waits for the process to be alone waits for these as well.
    IDLE = 500000

# Threads at most; further calls wait for one. Each costs 50 us and some 100 KiB.
# A call made by a call is not counted: waiting for the one outside it, it would
# wait for ever when 128 do so.
LIMIT = 128

# The last to become idle, at the end, gets the next call, so that the others find the time
# to leave.
cdef list idle = []
# Calls that wait for a thread. Invariant: empty unless ``threads`` is LIMIT or more.
backlog = deque()
cdef int threads = 0


cdef class Call:
    """One call, and the task that waits for it."""
    cdef object function             # None once it is made
    cdef tuple args
    cdef dict kwargs
    cdef object context              # the contextvars.Context to make it in, or None
    cdef bint unheard                # nobody waits for it
    cdef object value                # what it returned, or raised
    cdef bint failed
    cdef bint done
    cdef WaitList waiter             # empty before the task parks, and when it has left

    def __cinit__(self):
        list_init(&self.waiter)


cdef class Worker:
    """A thread of the pool. ``call`` is set, then ``wake`` released, to give it work."""
    cdef PyThread_type_lock wake
    cdef Call call

    def __cinit__(self):
        self.wake = PyThread_allocate_lock()
        if self.wake == NULL:
            raise MemoryError
        PyThread_acquire_lock_timed(self.wake, -1, 0)

    def __dealloc__(self):
        if self.wake != NULL:
            PyThread_free_lock(self.wake)


def call_in_thread(function, tuple args, dict kwargs, context=None):
    """Return ``function(*args, **kwargs)``, called in a thread of the pool, in ``context``.

    See :func:`weft._offload.run`.
    """
    cdef Hub hub = get_hub()
    cdef Task me = hub.current
    cdef Call call = Call.__new__(Call)
    call.function = function
    call.args = args
    call.kwargs = kwargs
    call.context = context
    # What is due is raised before the call is started, not after.
    hub.may_park(me, True)
    submit(call)
    while not call.done:
        node_append(&call.waiter, &me.node)
        hub.in_threads += 1
        try:
            hub.park("thread", function, forever(), True)
        finally:
            hub.in_threads -= 1
            if node_linked(&me.node):
                node_unlink(&me.node)
    value, call.value = call.value, None
    if call.failed:
        raise value
    return value


def start_in_thread(function, *args):
    """Have a thread of the pool call ``function(*args)``; what it raises is reported as unraisable.

    Parks: never. Threads: any.
    """
    cdef Call call = Call.__new__(Call)
    call.function = function
    call.args = args
    call.unheard = True
    submit(call)


cdef int submit(Call call) except -1:
    """Give ``call`` to an idle thread, to a new one, or to the next that is free."""
    global threads
    cdef Worker worker
    if idle:
        worker = <Worker>idle.pop()
        worker.call = call
        PyThread_release_lock(worker.wake)
        return 0
    if threads >= LIMIT and not weft_in_pool:
        backlog.append(call)
        return 0
    worker = Worker.__new__(Worker)
    worker.call = call
    Py_INCREF(worker)                # the thread's own reference
    if PyThread_start_new_thread(run_worker, <void*>worker) == PYTHREAD_INVALID_THREAD_ID:
        Py_DECREF(worker)
        raise RuntimeError("can't start new thread")
    threads += 1
    return 0


cdef void run_worker(void* arg) noexcept with gil:
    """What each thread does: make calls, and leave when none has come for a while."""
    global weft_in_pool
    cdef Worker me = <Worker>arg
    Py_DECREF(me)
    weft_in_pool = True
    # The program knows nothing of this thread: a signal that it blocks in its own must stay
    # pending, and not come here. But what a call of its own starts inherits the mask.
    weft_block_signals(&weft_inherited)
    while me.call is not None:
        make(me.call)
        me.call = None
        await_call(me)


cdef int make(Call call) except -1:
    cdef bint own
    cdef WaitNode* node
    cdef Task task
    if list_empty(&call.waiter) and not call.unheard:
        call.function = call.args = call.kwargs = call.context = None
        return 0                     # the task has left; nobody wants it any more
    own = call.context is not None or call.unheard
    if own:
        weft_take_signals()
    try:
        call.value = make_in_context(call)
    except BaseException as exc:
        call.value = exc
        call.failed = True
    if own:
        weft_block_signals(NULL)
    if peek_hub() != NULL:
        end_hub()
    call.done = True
    node = node_pop(&call.waiter)
    if node != NULL:
        task = <Task>node.waiter
        task.hub.wake(task, WOKEN, None)
    return 0


cdef object make_in_context(Call call):
    function, args, kwargs, context = call.function, call.args, call.kwargs, call.context
    call.function = call.args = call.kwargs = call.context = None
    try:
        if context is not None:
            return context.run(function, *args, **(kwargs or {}))
        return function(*args) if kwargs is None else function(*args, **kwargs)
    except BaseException as exc:
        if not call.unheard:
            raise
        thread_failed(exc, function)


cdef int end_hub() except -1:
    """The call used weft: its hub ends with it, as with a thread of its own (see _ends.pyx)."""
    (<dict>PyThreadState_GetDict()).pop("weft.hub", None)
    return 0


cdef int await_call(Worker me) except -1:
    """Set ``me.call`` to the next call; leave it None when the thread is to end."""
    global threads
    cdef PyLockStatus status
    if threads > LIMIT:
        threads -= 1
        return 0
    if backlog:
        me.call = backlog.popleft()
        return 0
    idle.append(me)
    with nogil:
        status = PyThread_acquire_lock_timed(me.wake, IDLE, 0)
    if status == PY_LOCK_ACQUIRED:
        return 0
    if me.call is None:
        idle.remove(me)
        threads -= 1
    else:
        # It came between the end of the time and the return of the GIL.
        PyThread_acquire_lock_timed(me.wake, -1, 0)
    return 0


def statistics():
    """Counts, as a dict: ``threads`` that live, ``idle`` ones of them, calls in ``backlog``."""
    return {"threads": threads, "idle": len(idle), "backlog": len(backlog)}


def _after_fork_in_child():
    """The threads stayed with the parent."""
    global threads
    idle.clear()
    backlog.clear()
    threads = 0


os.register_at_fork(after_in_child=_after_fork_in_child)
