"""What starting a green thread, and its failing, need of the core."""

from weft._core._hub cimport Hub, hubs_of_process, in_collection, live_tasks
from weft._core._task cimport RUNNING, Task
from weft._core._tracing cimport Tracing

cdef extern from *:
    """
    static void weft_thread_failed(PyObject *error, PyObject *function) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);   /* with its traceback */
    #if PY_VERSION_HEX >= 0x030D0000
        PyErr_FormatUnraisable("Exception ignored in thread started by %R", function);
    #else
        _PyErr_WriteUnraisableMsg("in thread started by", function);
    #endif
    }
    """
    void weft_thread_failed(object error, object function) noexcept


def thread_failed(error, function):
    """Tell ``sys.unraisablehook`` that ``error`` ended a thread, in the words of ``_thread``.

    Args:
      function: what the thread was to run.

    Parks: never, unless the hook does. Threads: any.
    """
    weft_thread_failed(error, function)


def spawned_by(Task task not None, frame):
    """A Thread has started ``task``, which has not run yet, at the place where ``frame`` is."""
    task.spawn_code = frame.f_code
    task.spawn_lasti = frame.f_lasti
    if task.tracing is not None and not task.tracing.shared:
        task.tracing = None              # a Thread takes them over itself


def collects():
    """Whether the calling thread collects garbage, where nothing can park."""
    return in_collection()


def trace_others(function):
    """Give every task that does not run now ``function``, as ``sys.settrace`` in it would.

    Parks: never. Threads: any.
    """
    for task in others():
        tracing_of(<Task>task).trace = function


def profile_others(function):
    """:func:`trace_others` for ``sys.setprofile``."""
    for task in others():
        tracing_of(<Task>task).profile = function


cdef list others():
    cdef Hub hub
    cdef list found = []
    for each in hubs_of_process():
        hub = <Hub>each
        found += [task for task in [hub.main, *live_tasks(hub)] if (<Task>task).state != RUNNING]
    return found


cdef Tracing tracing_of(Task task):
    if task.tracing is None:
        task.tracing = Tracing.__new__(Tracing)
    return task.tracing
