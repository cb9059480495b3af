"""Tracing: the trace and profile functions of a task, as threads have them.

CPython keeps them by OS thread. The hub takes them off the thread as a task that has any leaves
it, and puts them back as the task returns; what a debugger sets in one task does not reach
another, and a trace function may park. A new task has what ``threading.settrace`` and
``threading.setprofile`` say, as a new thread has, if it was spawned where anything is traced.

``sys.monitoring`` (from 3.12 on) tells of all threads, and so of all tasks.

Knows neither tasks nor the hub. Nothing here parks.
"""

import sys

cimport cython

cdef extern from *:
    """
    /* Until 3.11 the evaluation loop looks at this copy. */
    static inline void weft_update_tracing(PyThreadState *ts) {
    #if PY_VERSION_HEX < 0x030C0000
        int on = ts->tracing == 0 && (ts->c_tracefunc != NULL || ts->c_profilefunc != NULL);
        ts->cframe->use_tracing = on ? 255 : 0;
    #endif
    }

    static void weft_take_tracing(PyThreadState *ts, WeftTracing *kept) {
        kept->trace = ts->c_tracefunc;
        kept->trace_object = ts->c_traceobj;
        kept->profile = ts->c_profilefunc;
        kept->profile_object = ts->c_profileobj;
        kept->depth = ts->tracing;
        ts->c_tracefunc = ts->c_profilefunc = NULL;
        ts->c_traceobj = ts->c_profileobj = NULL;
        ts->tracing = 0;
    #if PY_VERSION_HEX < 0x030C0000
        kept->event = ts->tracing_what;
    #endif
        weft_update_tracing(ts);
    }

    static void weft_put_tracing(PyThreadState *ts, WeftTracing *kept) {
        ts->c_tracefunc = kept->trace;
        ts->c_traceobj = kept->trace_object;
        ts->c_profilefunc = kept->profile;
        ts->c_profileobj = kept->profile_object;
        ts->tracing = kept->depth;
    #if PY_VERSION_HEX < 0x030C0000
        ts->tracing_what = kept->event;
    #endif
        memset(kept, 0, sizeof(*kept));
        weft_update_tracing(ts);
    }

    static void weft_drop_tracing(WeftTracing *kept) {
        Py_CLEAR(kept->trace_object);
        Py_CLEAR(kept->profile_object);
    }
    """
    void weft_take_tracing(PyThreadState* ts, WeftTracing* kept) noexcept
    void weft_put_tracing(PyThreadState* ts, WeftTracing* kept) noexcept
    void weft_drop_tracing(WeftTracing* kept) noexcept

cdef extern from "Python.h":
    void PyEval_SetTrace(void* function, PyObject* obj) noexcept
    void PyEval_SetProfile(void* function, PyObject* obj) noexcept

cdef object UNSET = object()


# Neither tracked nor allocated by the garbage collector, as Coroutines are not.
@cython.final
@cython.no_gc
@cython.freelist(16)
cdef class Tracing:
    def __cinit__(self):
        self.trace = self.profile = UNSET

    def __dealloc__(self):
        weft_drop_tracing(&self.kept)


cdef Tracing take_tracing(PyThreadState* ts):
    """Leave the thread untraced; return what it had."""
    cdef Tracing tracing = Tracing.__new__(Tracing)
    weft_take_tracing(ts, &tracing.kept)
    return tracing


cdef int put_tracing(PyThreadState* ts, Tracing tracing) except -1:
    """Give the thread, which has none of its own, what was taken, then what was set meanwhile."""
    weft_put_tracing(ts, &tracing.kept)
    if tracing.trace is not UNSET:
        sys.settrace(tracing.trace)
    if tracing.profile is not UNSET:
        sys.setprofile(tracing.profile)
    return 0


cdef Tracing inherited(PyThreadState* ts):
    """What a task has that is spawned where ``ts`` is traced; None if nothing.

    The functions for new threads; without them a tracer that tells greenlets apart by itself and
    counts on being called for all of them, as coverage's in its greenlet mode.
    """
    cdef Tracing tracing
    threading = sys.modules.get("threading")
    trace = getattr(threading, "_trace_hook", None)
    profile = getattr(threading, "_profile_hook", None)
    shared = trace is None and profile is None
    if shared:
        trace = None if ts.c_traceobj == NULL else <object>ts.c_traceobj
        if getattr(trace, "concur_id_func", None) is None:
            return None
    tracing = Tracing.__new__(Tracing)
    tracing.shared = shared
    if trace is not None:
        tracing.trace = trace
    if profile is not None:
        tracing.profile = profile
    return tracing


cdef void end_tracing() noexcept:
    """The running task ends: as a thread's, its functions go, and CPython counts them (3.12)."""
    PyEval_SetTrace(NULL, NULL)
    PyEval_SetProfile(NULL, NULL)
