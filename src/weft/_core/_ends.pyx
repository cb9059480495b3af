"""How tasks, threads and processes end, what signals do, and what is said of it.

Owns: the reports of failures nobody collected, fork, the end of a thread and of
the program, Ctrl-C. Stands above the hub and puts itself into its hooks.
Nothing here parks but ``cancel_the_rest``, in the task that ends the program.
"""

import atexit
import os
import sys

cimport cython
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from libc.stdint cimport int64_t

from weft._core cimport _hub, _task
from weft._core._clock cimport now_ns
from weft._core._greenlet cimport PyGreenlet_Import, PyGreenlet_STARTED, PyGreenlet_Switch
from weft._core._hub cimport (
    Hub,
    dismiss,
    forget_hub,
    get_hub,
    hubs_of_process,
    leave,
    live_tasks,
    no_collection,
    peek_hub,
)
from weft._core._signals cimport close_pipe, take_passing_error
from weft._core._sys cimport NSEC, weft_finalizing
from weft._core._task cimport (
    ABANDONED,
    DONE,
    PARKED,
    READY,
    THROWN,
    Canceller,
    Task,
    describe,
    never_ends,
)
from weft._core._waitlist cimport list_init, node_init

from weft._errors import Cancelled, TaskError

cdef extern from *:
    """
    #if PY_VERSION_HEX < 0x030D0000
    extern void _PyErr_WriteUnraisableMsg(const char *, PyObject *);
    #endif

    /* The exception set is why the program's wakeup descriptor could not be written to. */
    static void weft_tell_of_wakeup_fd(void) {
    #if PY_VERSION_HEX >= 0x030D0000
        PyErr_FormatUnraisable("Exception ignored when trying to write to the signal wakeup fd");
    #else
        _PyErr_WriteUnraisableMsg("when trying to write to the signal wakeup fd", NULL);
    #endif
    }
    """
    void weft_tell_of_wakeup_fd() noexcept

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1
    void PyErr_SetObject(object kind, object value) noexcept
    object PyWeakref_NewRef(object target, object callback)
    unsigned long PyThread_get_thread_ident() noexcept

PyGreenlet_Import()

cdef int64_t GRACE = 1000000000          # ns that cancelled tasks have to end with the program

# Weak references to tasks that failed; those whose exception nobody asked for are told of at
# the end. Not a WeakSet: that is Python code, where a signal handler might run, and park,
# while the task it runs on is done already.
cdef set failed = set()
# What exit_with() was given; 0 leaves it to the interpreter.
cdef int exit_code = 0
# The tasks that the end of the program leaves as they are.
cdef object spared = ()
cdef object forget_failed = failed.discard


# -- signals -------------------------------------------------------------------------

def _run_signal_handlers():
    """Run what signals made due, in a task: a handler may park, and raises in the main task."""
    cdef int error = take_passing_error()
    try:
        PyErr_CheckSignals()
        if error:
            PyErr_SetObject(OSError, OSError(error, os.strerror(error)))
            weft_tell_of_wakeup_fd()
    except Cancelled:
        raise
    except BaseException as exc:
        get_hub().raise_in_main(exc)


@cython.binding(False)           # else it would become a method of a class it is kept in
def default_int_handler(signum, frame):
    """Ctrl-C: raise KeyboardInterrupt in the main task, whichever task the signal found.

    Python's own handler raises wherever that is. Raises it here if the main task runs,
    or has not come to raise an earlier one: then a task that never parks holds the hub,
    and gets this one.
    """
    cdef Hub hub = get_hub()
    if hub.current is hub.main or interrupt_waits(hub):
        raise KeyboardInterrupt
    hub.raise_in_main(KeyboardInterrupt())


cdef bint interrupt_waits(Hub hub) except -1:
    cdef Task main = hub.main
    if hub.current is None:
        return False
    if main.state == READY and main.how == THROWN:
        return isinstance(main.value, KeyboardInterrupt)
    return any([isinstance(exc, KeyboardInterrupt) for exc in main.requests or ()])


# -- failures nobody asked for ----------------------------------------------------------

cdef void last_words(Task task) noexcept:
    """A task is being destroyed, perhaps by the hub itself: leave its value to a task."""
    cdef Hub hub
    cdef PyObject* own = peek_hub()
    if own != NULL and not (<Hub>own).closing:
        hub = <Hub>own
    else:
        hub = any_hub()
    if hub is None:
        return
    if task.failed and not task.collected:
        hub.failures.append((complaint(task), task.value))
        hub.rouse()
    elif own == <PyObject*>hub and hub.current is None:
        hub.garbage.append(task.value)


cdef str complaint(Task task):
    return f"{describe(task)} failed, and nobody asked for its result"


cdef int note_failure(Task task) except -1:
    failed.add(PyWeakref_NewRef(task, forget_failed))
    return 0


def uncollected():
    """The tasks that failed and that nobody has asked for their result, in no order."""
    found = [reference() for reference in list(failed)]
    return [task for task in found if task is not None and not (<Task>task).collected]


cdef Hub any_hub():
    hubs = hubs_of_process()
    return hubs[0] if hubs else None


def _report_failures(list failures):
    """Log each exception that nobody collected, and what else went unnoticed (exception None)."""
    if not failures:
        # The import runs code, which makes CPython forget that Ctrl-C ends the process.
        return
    import logging
    logger = logging.getLogger("weft")
    for text, exc in failures:
        level = logging.WARNING if exc is None else logging.ERROR
        try:
            logger.log(level, "%s", text, exc_info=exc)
        except Exception:        # a filter's: as a failure of this task it would come back here
            sys.excepthook(*sys.exc_info())


# -- the end of the program ---------------------------------------------------------------

def exit_with(int code):
    """Have the process exit with ``code`` when all that is called at exit has been.

    For what goes wrong when the program itself has ended, and with it the say in that.
    """
    global exit_code
    exit_code = code


def spare_at_exit(tasks):
    """Have the end of the program stop ``tasks`` where they stand, as it does daemon threads.

    Unwound by an exception they would tell their clients and logs of an error that there is not
    without weft.

    Args:
      tasks: a container that is asked as the program ends.
    """
    global spared
    spared = tasks


def _end_program():
    """Registered with atexit before the program's own functions, so it runs after them."""
    cdef Hub hub
    if peek_hub() != NULL:
        cancel_the_rest(<Hub>peek_hub())
    for each in hubs_of_process():
        hub = <Hub>each
        failures, hub.failures = hub.failures, []
        _report_failures(failures)
    for task in uncollected():
        (<Task>task).collected = True
        _report_failures([(complaint(task), (<Task>task).value)])
    if exit_code:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)


cdef int cancel_the_rest(Hub hub) except -1:
    """Cancel the tasks of ``hub`` and give them a moment; those that wait for a lock keep it."""
    cdef int64_t deadline = now_ns() + GRACE
    cdef Task task
    if hub.current is not hub.main:
        return 0                     # a task called exit functions itself; it is one of them
    for task in unspared(hub):
        (<Task>task).cancel_with(Cancelled(f"task {task.name!r} was cancelled: the program ends"))
    for task in unspared(hub):
        if task.state == PARKED and not task.cancellable:
            continue
        task.join(max(deadline - now_ns(), 0) / <double>NSEC)
    return 0


cdef list unspared(Hub hub):
    return [task for task in live_tasks(hub) if task not in spared]


# -- the end of a thread --------------------------------------------------------------------

cdef class _Keeper:
    """Sits in the thread state's dictionary, so that it dies with its thread."""
    cdef Hub hub

    def __dealloc__(self):
        if self.hub is not None and peek_hub() == <PyObject*>self.hub:
            end_thread(self.hub)


cdef object keep(Hub hub):
    cdef _Keeper keeper = _Keeper.__new__(_Keeper)
    keeper.hub = hub
    return keeper


cdef int end_thread(Hub hub) except -1:
    """An OS thread ends: say which tasks it leaves behind, and give the poller back."""
    cdef Hub heir
    cdef PyObject* passed
    if weft_finalizing():
        return 0                 # the process ends with it, and no Python code can run any more
    hub.closing = True
    left = live_tasks(hub)
    abandon(left)
    for task in left:
        dismiss(<Task>task, TaskError(never_ends(<Task>task)))
    hub.main.state = DONE
    dismiss(hub.main, None)
    if left:
        names = ", ".join([task.name for task in left[:20]])
        hub.failures.append((f"thread {hub.thread_name!r} ended with {len(left)} unfinished tasks, "
                             f"which will never run again: {names}", None))
    elif PyGreenlet_STARTED(<PyObject*>hub.greenlet):
        # Unwinds the loop, so that nothing of the hub outlives its thread.
        passed = PyGreenlet_Switch(<PyObject*>hub.greenlet, NULL, NULL)
        Py_XDECREF(passed)
    hub.poller.close(False)
    forget_hub(hub)
    heir = any_hub()
    if hub.failures and heir is not None:
        # Logging makes a Thread object for a thread that has ended, which stays for ever.
        heir.failures.extend(hub.failures)
        heir.rouse()
    else:
        _report_failures(hub.failures)
    return 0


cdef int abandon(list left) except -1:
    """They will never run: no list holds them, nothing wakes them, no stack is ever unwound."""
    cdef Task task
    for each in left:
        task = <Task>each
        leave(task)
        task.state = ABANDONED
        Py_INCREF(task)
    # Not before: the place that one of them gives back must not go to another.
    for each in left:
        task = <Task>each
        if task.group is not None:
            task.group.child_done(task)
            task.group = None
    return 0


# -- fork ----------------------------------------------------------------------------

cdef void exit_child(object failure) noexcept:
    """The forking task of a child has ended: the process exits with its status, as Python does."""
    import threading
    status = 1
    try:
        status = 0 if failure is None else exit_status(failure)
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


cdef int exit_status(object exc) except -1:
    """What the process exits with when ``exc`` ends its main program; says what it was."""
    if not isinstance(exc, SystemExit):
        sys.excepthook(type(exc), exc, exc.__traceback__)
        return 130 if isinstance(exc, KeyboardInterrupt) else 1
    if exc.code is None:
        return 0
    if isinstance(exc.code, int):
        return exc.code & 0xff
    print(exc.code, file=sys.stderr)
    return 1


def _after_fork_in_child():
    """Only the forking task goes on in the child; it is the main task there."""
    cdef Hub hub
    cdef list left = []
    no_collection()
    for each in hubs_of_process():
        hub = <Hub>each
        me = hub.current if peek_hub() == <PyObject*>hub else None
        left += [task for task in (*live_tasks(hub), hub.main) if task is not me]
    abandon(left)
    for each in hubs_of_process():
        hub = <Hub>each
        if peek_hub() != <PyObject*>hub:
            after_fork(hub, False)
            forget_hub(hub)
    if peek_hub() != NULL:
        after_fork(<Hub>peek_hub(), True)


cdef bint is_deadline_of(PyObject* owner, PyObject* task) noexcept:
    """Whether a timer's owner is a deadline over a block that ``task`` is in."""
    return isinstance(<object>owner, Canceller) and (<Canceller>owner).stops(<Task>task)


cdef int after_fork(Hub hub, bint here) except -1:
    """In the child: make of ``hub`` one with no task but the running one."""
    cdef Task me = hub.current if here else None
    # What the others own must not be destroyed, and the parent reports its failures.
    hub.abandoned.append((hub.failures, hub.garbage))
    hub.failures, hub.garbage = [], []
    hub.live = NULL
    hub.live_count = hub.on_fds = hub.in_threads = 0
    list_init(&hub.ready)
    list_init(&hub.inbox)
    hub.timers.keep(is_deadline_of, <PyObject*>me)
    hub.poller.close(True)
    node_init(&hub.signal_node, NULL)
    if hub.signal_pipe is not None:
        close_pipe(hub.signal_pipe)
        hub.signal_pipe = None
    if not here:
        return 0
    if me is not None:
        me.is_main = True
        hub.main = me
    hub.ident = PyThread_get_thread_ident()
    hub.in_main_thread = True
    return hub.start()


_task.last_words = last_words
_hub.run_signal_handlers = _run_signal_handlers
_hub.interrupt = default_int_handler
_hub.report_failures = _report_failures
_hub.keep = keep
_hub.note_failure = note_failure
_hub.exit_child = exit_child
atexit.register(_end_program)
os.register_at_fork(after_in_child=_after_fork_in_child)
