"""Coroutines: the running event loop, async-generator hooks and coroutine-origin depth of a task.

CPython keeps these by OS thread. The hub takes them off the thread as a task that has set any
leaves it, and puts them back as the task returns: each task has its own event loop, and no other
task sees it. What asyncio keeps of its Tasks it keeps by loop.

Knows neither tasks nor the hub. Nothing here parks or runs Python code: the hub calls it where
a task is half parked.
"""

import sys

cimport cython
from cpython.ref cimport Py_XDECREF

# asyncio's own functions, written in C; None until somebody has imported it. Written in Python
# they stand on threading.local, and have a value for each task once that is patched.
cdef object get_loop = None
cdef object set_loop = None


# Neither tracked nor allocated by the garbage collector, which would run there and then: it lives
# only while its task is parked, and that is not tracked either.
@cython.final
@cython.no_gc
@cython.freelist(16)
cdef class Coroutines:
    def __dealloc__(self):
        Py_XDECREF(self.firstiter)
        Py_XDECREF(self.finalizer)


cdef Coroutines take_coroutines(PyThreadState* ts):
    """Leave the thread without event loop, hooks and tracking; return what it had."""
    cdef Coroutines kept = Coroutines.__new__(Coroutines)
    kept.firstiter, ts.async_gen_firstiter = ts.async_gen_firstiter, NULL
    kept.finalizer, ts.async_gen_finalizer = ts.async_gen_finalizer, NULL
    kept.depth, ts.coroutine_origin_tracking_depth = ts.coroutine_origin_tracking_depth, 0
    if get_loop is None:
        find_asyncio()
    if get_loop is not None:
        kept.loop = get_loop()
        if kept.loop is not None:
            set_loop(None)
    return kept


cdef int put_coroutines(PyThreadState* ts, Coroutines kept) except -1:
    """Give the thread, which has none of its own, what was taken."""
    kept.firstiter, ts.async_gen_firstiter = ts.async_gen_firstiter, kept.firstiter
    kept.finalizer, ts.async_gen_finalizer = ts.async_gen_finalizer, kept.finalizer
    ts.coroutine_origin_tracking_depth = kept.depth
    if kept.loop is not None:
        set_loop(kept.loop)
    return 0


cdef int find_asyncio() except -1:
    global get_loop, set_loop
    asyncio = sys.modules.get("_asyncio")
    if asyncio is not None:
        get_loop = asyncio._get_running_loop
        set_loop = asyncio._set_running_loop
    return 0
