"""Tracing: trace and profile functions, which CPython keeps by OS thread; see _tracing.pyx."""

from cpython.object cimport PyObject

from weft._core._coroutines cimport PyThreadState

cdef extern from *:
    """
    /* Whether the thread has a trace or profile function, or is inside one. */
    static inline int weft_is_traced(PyThreadState *ts) {
        return ts->c_tracefunc != NULL || ts->c_profilefunc != NULL || ts->tracing != 0;
    }

    typedef struct {
        Py_tracefunc trace, profile;
        PyObject *trace_object, *profile_object;         /* owned, or NULL */
        int depth;                       /* not 0: inside a trace function, so nothing is traced */
        int event;                       /* the one that is told there, until 3.11 */
    } WeftTracing;
    """
    bint weft_is_traced(PyThreadState* ts) noexcept
    ctypedef struct WeftTracing:
        pass

cdef class Tracing:
    cdef WeftTracing kept
    cdef object trace            # to be set as by sys.settrace and sys.setprofile when the task
    cdef object profile          # runs next; UNSET: not to be
    cdef bint shared             # the spawner's own, which tells tasks apart

cdef object UNSET
cdef Tracing take_tracing(PyThreadState* ts)
cdef int put_tracing(PyThreadState* ts, Tracing tracing) except -1
cdef Tracing inherited(PyThreadState* ts)
cdef void end_tracing() noexcept
