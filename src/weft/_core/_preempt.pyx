# cython: binding=False
# Plain builtins: from a bytecode to the handler it is always as far on the C stack.
"""Preemption: a task of the main thread that runs too long is interrupted between two bytecodes.

Owns: the signal handler in which the task yields, and the judgement whether it may there. The
watcher (_watch.pyx) sends the signal, and only while the thread is on a processor, so that it
ends no system call. A task parks here, in the middle of whatever Python code it runs.

It may only where nobody could mind, which is where an OS thread could lose the GIL, and no C code
is under way that a greenlet's switch would leave half done: the innermost evaluation loop runs the
program's own Python code, and beneath that is nothing but what started the task. One such loop
runs all of a program's calls from Python to Python, so two looks tell: every Python frame that is
the program's lies in the innermost loop; and from that loop to the handler it is as far on the
C stack as it was when measured at the start, with no C function between that looks for signals.
"""

from _signal import SIG_DFL as _SIG_DFL
from _signal import SIGURG as _SIGURG

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from weft._core cimport _watch
from weft._core._coroutines cimport PyThreadState, PyThreadState_Get
from weft._core._hub cimport Hub, peek_hub
from weft._core._sys cimport NSEC

# CPython's own, whatever is patched: this handler must be called where the signal finds the task.
from weft._core._handlers import native_getsignal as _getsignal
from weft._core._handlers import native_signal as _signal

cdef extern from *:
    """
    #define Py_BUILD_CORE 1
    #if PY_VERSION_HEX >= 0x030D0000
    #undef _PyGC_FINALIZED           /* else defined twice */
    #endif
    #include "internal/pycore_frame.h"
    #undef Py_BUILD_CORE

    typedef struct _PyInterpreterFrame WeftFrame;

    static inline WeftFrame *weft_top_frame(PyThreadState *ts) {
    #if PY_VERSION_HEX >= 0x030D0000
        return ts->current_frame;
    #else
        return ts->cframe->current_frame;
    #endif
    }

    /* Whether the frame beneath belongs to another evaluation loop, with C code between. From 3.12
       on a frame of its own stands there, part of the loop's C frame. */
    static inline int weft_is_lowest(WeftFrame *frame) {
    #if PY_VERSION_HEX >= 0x030C0000
        return frame->previous == NULL || frame->previous->owner == FRAME_OWNED_BY_CSTACK;
    #else
        return frame->is_entry;
    #endif
    }

    static inline WeftFrame *weft_beneath(WeftFrame *frame) {
        frame = frame->previous;
    #if PY_VERSION_HEX >= 0x030C0000
        while (frame != NULL && frame->owner == FRAME_OWNED_BY_CSTACK)
            frame = frame->previous;
    #endif
        return frame;
    }

    /* Bytes of C stack from the innermost evaluation loop to the caller of this. */
    static inline Py_ssize_t weft_distance(PyThreadState *ts) {
        char *loop;
    #if PY_VERSION_HEX >= 0x030C0000
        WeftFrame *frame = weft_top_frame(ts);
        while (frame != NULL && frame->owner != FRAME_OWNED_BY_CSTACK)
            frame = frame->previous;
        loop = (char *)frame;
    #else
        loop = (char *)ts->cframe;
    #endif
        return loop - (char *)__builtin_frame_address(0);
    }

    /* NULL for the frames that CPython itself puts between two of Python's. */
    static inline PyObject *weft_globals(WeftFrame *frame) {
        return frame->f_globals;
    }
    """
    ctypedef struct WeftFrame:
        pass
    WeftFrame* weft_top_frame(PyThreadState* ts) noexcept
    WeftFrame* weft_beneath(WeftFrame* frame) noexcept
    bint weft_is_lowest(WeftFrame* frame) noexcept
    Py_ssize_t weft_distance(PyThreadState* ts) noexcept
    PyObject* weft_globals(WeftFrame* frame) noexcept

cdef extern from "Python.h":
    unsigned long PyThread_get_thread_ident() noexcept
    PyObject* borrowed_item "PyDict_GetItem"(PyObject* d, object key) noexcept

cdef enum Code:
    PROGRAM
    LEADS_IN         # starts the program's code: weft's own, and the standard library's beside it
    COMMAND          # ``weft run``: what is beneath it has started weft
    FORBIDDEN

# Bytes from an evaluation loop to the handler; 0 before it is measured.
cdef Py_ssize_t measured = 0
cdef bint measuring = False
cdef Py_ssize_t taken = 0            # how often a task yielded
cdef Py_ssize_t refused = 0          # how often it must not

# Runs a program, or a thread's function, and leaves it to that code whether it waits.
cdef frozenset LEADING = frozenset(("runpy", "threading", "concurrent.futures.thread"))
# Holds locks of the importer's while it runs code.
cdef frozenset IMPORTING = frozenset((
    "importlib", "importlib._bootstrap", "importlib._bootstrap_external",
    "_frozen_importlib", "_frozen_importlib_external"))


def preempt(double seconds):
    """Have a task of the main thread yield when it has run for ``seconds``, wherever that is safe.

    Args:
      seconds: 0 ends it.

    Raises:
      RuntimeError: the program has a handler of SIGURG, which is the signal for this.

    Parks: never. Threads: the main thread.
    """
    global measuring
    if seconds != 0 and _getsignal(_SIGURG) not in (_SIG_DFL, _on_slice):
        raise RuntimeError("preemption needs SIGURG, for which there is a handler already")
    _watch.set_slice(0)
    if seconds == 0:
        return
    _signal(_SIGURG, _on_slice)
    measuring = True
    exec("interrupt()\nfor _ in range(2): pass", {"interrupt": _interrupt})
    measuring = False
    _watch.set_slice(<int64_t>(seconds * NSEC))


def statistics():
    """Counts, as a dict: how often a task was ``taken`` off its hub, and how often that was
    ``refused``, to be tried again a moment later."""
    return {"taken": taken, "refused": refused, "distance": measured}


def _interrupt():
    """As the watcher does. Unlike ``raise_signal`` it leaves the handler to the next bytecode."""
    _watch.send(PyThread_get_thread_ident())


def _on_slice(number, frame):
    """Signal handler: the running task has had its slice."""
    global measured, taken, refused
    cdef PyThreadState* ts = PyThreadState_Get()
    cdef Py_ssize_t distance = weft_distance(ts)
    cdef PyObject* hub = peek_hub()
    _watch.due = False
    if measuring:
        measured = distance
    elif hub != NULL and distance == measured and may_switch(ts) and (<Hub>hub).preempt():
        taken += 1
    else:
        refused += 1


cdef bint may_switch(PyThreadState* ts) noexcept:
    """Whether the program's code runs in one evaluation loop, and all beneath has only led to it.

    The frames are looked at from the innermost one outwards.
    """
    cdef WeftFrame* frame = weft_top_frame(ts)
    cdef bint program = False        # some of the program's were seen
    cdef bint led = False            # only what leads in may follow
    while frame != NULL:
        code = kind_of(weft_globals(frame))
        if code == COMMAND:
            break
        if code == FORBIDDEN or (code == PROGRAM and led):
            return False
        if code == PROGRAM:
            program = True
        if code == LEADS_IN or weft_is_lowest(frame):
            led = True
        if not program:
            return False
        frame = weft_beneath(frame)
    return program


cdef Code kind_of(PyObject* names) noexcept:
    cdef PyObject* name
    if names == NULL:
        return PROGRAM
    name = borrowed_item(names, "__name__")
    if name == NULL or type(<object>name) is not str:
        return PROGRAM
    if (<str>name).startswith("weft.cli"):
        return COMMAND
    if (<str>name) in LEADING or (<str>name) == "weft" or (<str>name).startswith("weft."):
        return LEADS_IN
    return FORBIDDEN if (<str>name) in IMPORTING else PROGRAM
