# cython: binding=False, embedsignature.format=clinic
# Plain builtins, as the functions of the stdlib that some of them stand for.
"""The program's signal handlers: in which task they run, and who waits for a signal.

Owns: which handler the program has set for each signal, and the tasks in ``pause``. A caller
parks in ``pause`` alone; the end of a handler wakes it.

CPython runs a handler on top of whatever the main thread does, be it a task that has nothing
to do with it. So what it gets is ``dispatch``, which calls the program's handler at once if the
main task runs, and else spawns a task that does: there it may park, and what it raises is raised
in the main task.
"""

import os

from _signal import SIG_IGN as _SIG_IGN
from _signal import default_int_handler
from _signal import getsignal as native_getsignal
from _signal import set_wakeup_fd as native_set_wakeup_fd
from _signal import signal as native_signal

from libc.errno cimport errno

from weft._core cimport _hub
from weft._core._greenlet cimport PyGreenlet_Import, greenlet
from weft._core._hub cimport Hub, get_hub, new_task
from weft._core._signals cimport bytes_go_to, empty_pipe, want_bytes
from weft._core._sys cimport forever
from weft._core._task cimport WOKEN, Task
from weft._core._waitlist cimport (
    WaitList,
    WaitNode,
    list_init,
    node_append,
    node_linked,
    node_pop,
    node_unlink,
)

from weft._errors import Cancelled

PyGreenlet_Import()

cdef extern from "<signal.h>" nogil:
    ctypedef struct sigset_t:
        pass
    int sigemptyset(sigset_t* signals)
    int sigaddset(sigset_t* signals, int number)

cdef extern from "<sys/signalfd.h>" nogil:
    int signalfd(int fd, const sigset_t* signals, int flags)
    enum: SFD_NONBLOCK, SFD_CLOEXEC

# By signal: what the program has set. CPython has ``dispatch`` there.
cdef dict handlers = {}
# By signal: who takes it in place of the handler, the first one first.
cdef dict catchers = {}
# By signal: what CPython had while nobody but a catcher wants it.
cdef dict underneath = {}
cdef WaitList pausing
list_init(&pausing)

cdef object frame_of = greenlet.gr_frame


def dispatch(signum, frame):
    """Have the program's handler of ``signum`` run where it belongs."""
    cdef Hub hub = get_hub()
    if bytes_go_to() != -1:
        pass_bytes_on(hub)
    takers = catchers.get(signum)
    if takers:
        takers[0](signum)
        return
    handler = handlers.get(signum)
    if handler is None:
        return
    if hub.current is hub.main:
        call(handler, signum, frame)
    else:
        frame = frame_of.__get__(<object>hub.main.target)
        new_task(hub, call_in_task, (handler, signum, frame), None, f"weft-signal-{signum}")


cdef int pass_bytes_on(Hub hub) except -1:
    """To whom the program wants them, what signals have written so far."""
    if hub.signal_pipe is not None and empty_pipe(hub.signal_pipe):
        # A byte of a signal that comes just now may be among them: nothing else is left to
        # end the hub's wait, so that it must look for itself.
        hub.signalled = True
    return 0


cdef object call(object handler, object signum, object frame):
    cdef WaitNode* node
    try:
        handler(signum, frame)
    finally:
        node = node_pop(&pausing)
        while node != NULL:
            (<Task>node.waiter).hub.wake(<Task>node.waiter, WOKEN, None)
            node = node_pop(&pausing)


def call_in_task(handler, signum, frame):
    """Body of a handler's own task."""
    try:
        call(handler, signum, frame)
    except Cancelled:
        raise
    except BaseException as exc:
        get_hub().raise_in_main(exc)


def set_handler(int signum, handler):
    """:func:`signal.signal`, for plain numbers; returns what the program had set before."""
    native = handler
    if handler is default_int_handler:
        native = _hub.interrupt
    elif callable(handler):
        native = dispatch
    before = as_set(signum, native_signal(signum, native))
    if native is dispatch:
        handlers[signum] = handler
    else:
        handlers.pop(signum, None)
    return before


def give_back(int signum):
    """Let CPython call the program's handler itself.

    Parks: never. Threads: the main thread.
    """
    if native_getsignal(signum) is dispatch and signum in handlers:
        native_signal(signum, handlers.pop(signum))


def get_handler(int signum):
    """:func:`signal.getsignal`, for plain numbers."""
    return as_set(signum, native_getsignal(signum))


cdef object as_set(int signum, object native):
    """The handler the program has set, of which CPython knows ``native``."""
    if native is dispatch:
        if signum in handlers:
            return handlers[signum]
        native = underneath.get(signum)
    return default_int_handler if native is _hub.interrupt else native


def set_wakeup_fd(fd, *, warn_on_full_buffer=True):
    """:func:`signal.set_wakeup_fd`: the hub needs it itself, and passes on what comes."""
    cdef Hub hub = get_hub()
    before = native_set_wakeup_fd(fd, warn_on_full_buffer=warn_on_full_buffer)
    if hub.signal_pipe is None or before != hub.signal_pipe[1]:
        return before                    # the hub does without
    native_set_wakeup_fd(before, warn_on_full_buffer=False)
    pass_bytes_on(hub)
    return want_bytes(fd, warn_on_full_buffer)


def pause():
    """Park until a handler of the program has run.

    Raises:
      Cancelled: the task was cancelled.

    Parks: always. Woken by: the end of a handler. Threads: any.
    """
    cdef Hub hub = get_hub()
    cdef Task me = hub.current
    hub.may_park(me, True)
    node_append(&pausing, &me.node)
    # Signals come by a descriptor, the hub's pipe.
    hub.on_fds += 1
    try:
        hub.park("signal", None, forever(), True)
    finally:
        hub.on_fds -= 1
        if node_linked(&me.node):
            node_unlink(&me.node)


def catch_signal(int signum, taker):
    """Have ``taker(signum)`` called in place of the handler, until :func:`release_signal`.

    Not for a signal that is ignored, nor outside of the main thread.

    Parks: never. Threads: any.
    """
    native = native_getsignal(signum)
    if native is not dispatch and native != _SIG_IGN and get_hub().in_main_thread:
        native_signal(signum, dispatch)
        underneath[signum] = native
    catchers.setdefault(signum, []).append(taker)


def release_signal(int signum, taker):
    """Undo :func:`catch_signal`."""
    catchers[signum].remove(taker)
    if not catchers[signum] and signum in underneath:
        native = underneath.pop(signum)
        # Unless the program has set another one meanwhile.
        if signum not in handlers and native_getsignal(signum) is dispatch:
            native_signal(signum, native)


def signal_descriptor(signals):
    """A non-blocking descriptor, readable while one of ``signals``, all blocked, is pending."""
    cdef sigset_t wanted
    cdef int number
    sigemptyset(&wanted)
    for number in signals:
        sigaddset(&wanted, number)
    number = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC)
    if number < 0:
        raise OSError(errno, os.strerror(errno))
    return number
