"""Coroutines: what CPython keeps of coroutines by OS thread; see _coroutines.pyx."""

from cpython.object cimport PyObject

cdef extern from *:
    """
    /* Whether the thread has async-generator hooks or tracks where coroutines come from. An event
       loop that runs has set the hooks, so they stand for the running loop as well: looking for
       that itself would cost every switch a search in the thread's dictionary. */
    static inline int weft_uses_coroutines(PyThreadState *ts) {
        return ts->async_gen_firstiter != NULL || ts->async_gen_finalizer != NULL ||
               ts->coroutine_origin_tracking_depth != 0;
    }
    """
    ctypedef struct PyThreadState:
        int coroutine_origin_tracking_depth
        PyObject* async_gen_firstiter        # owned, or NULL; so is the next
        PyObject* async_gen_finalizer
        PyObject* c_traceobj                 # borrowed here, or NULL
    bint weft_uses_coroutines(PyThreadState* ts) noexcept
    PyThreadState* PyThreadState_Get() noexcept

cdef class Coroutines:
    cdef PyObject* firstiter         # owned, or NULL; so is the next
    cdef PyObject* finalizer
    cdef object loop                 # the running event loop, or None
    cdef int depth                   # of coroutine-origin tracking

cdef Coroutines take_coroutines(PyThreadState* ts)
cdef int put_coroutines(PyThreadState* ts, Coroutines kept) except -1
