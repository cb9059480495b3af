"""Watcher: the OS thread that sees a task hold its hub, and has that told.

Owns: that thread, what it remembers of each hub, the threads that tell. Must not know: what is
said, and where. Nothing here parks.

The watcher is no thread of Python's. It reads a few words of each hub without the GIL, so a busy
program pays nothing for being looked at, and a native call that keeps the GIL is seen too. When
there is something to tell it starts a teller, a thread that waits for the GIL and calls
``on_stall``. It is stopped while the process forks, which CPython warns of otherwise.

A hub has stalled when the same task has run for so long while other tasks were there. Each resume
counts in ``Hub.switches``, so nothing is added to the path of a switch.
"""

import atexit
import os

from cpython.object cimport PyObject
from libc.stdint cimport int64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport calloc
from posix.time cimport clock_gettime, timespec
from posix.types cimport clockid_t

from weft._core cimport _hub
from weft._core._hub cimport Hub, hubs_of_process
from weft._core._sys cimport NSEC, c_write, weft_now_ns

from weft._core._thread import thread_failed

cdef extern from *:
    """
    #include <fcntl.h>
    #include <pthread.h>
    #include <sched.h>
    #include <signal.h>
    #include <string.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    /* Takes no signals: the program's own threads are to be interrupted by them. */
    static int weft_start_thread(pthread_t *id, void *(*body)(void *)) {
        pthread_attr_t attributes;
        sigset_t all, before;
        int error;
        sigfillset(&all);
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, 256 * 1024);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        error = pthread_create(id, &attributes, body, NULL);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attributes);
        return error;
    }

    static int weft_thread_id(void) {
        return (int)syscall(SYS_gettid);
    }

    /* Returns when the kernel has forgotten the thread: a little later than pthread_join does, and
       CPython counts the threads when it forks. */
    static void weft_end_thread(pthread_t id, int number) {
        pthread_join(id, NULL);
        while (syscall(SYS_tgkill, getpid(), number, 0) == 0)
            sched_yield();
    }

    /* Whether the main thread of the process is on a processor or about to be. */
    static int weft_main_thread_runs(void) {
        char text[256];
        const char *state;
        ssize_t size;
        int fd;
        snprintf(text, sizeof(text), "/proc/self/task/%d/stat", (int)getpid());
        fd = open(text, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return 0;
        size = read(fd, text, sizeof(text) - 1);
        close(fd);
        text[size > 0 ? size : 0] = 0;
        state = strrchr(text, ')');          /* after the program's name, which may have any */
        return state != NULL && state[1] == ' ' && state[2] == 'R';
    }
    """
    bint weft_main_thread_runs() noexcept nogil
    ctypedef unsigned long pthread_t
    int weft_start_thread(pthread_t* id, void* (*body)(void*) noexcept nogil) noexcept
    void weft_end_thread(pthread_t id, int number) noexcept
    int weft_thread_id() noexcept nogil
    int pthread_kill(pthread_t id, int signal) noexcept nogil
    int SIGURG
    int pthread_getcpuclockid(pthread_t id, clockid_t* clock) noexcept

cdef extern from "Python.h":
    PyObject* Py_None
    int Py_AddPendingCall(int (*function)(void*) noexcept, void* arg) noexcept
    ctypedef void* PyThread_type_lock
    ctypedef enum PyLockStatus:
        PY_LOCK_ACQUIRED
    PyThread_type_lock PyThread_allocate_lock() noexcept
    PyLockStatus PyThread_acquire_lock_timed(
        PyThread_type_lock lock, long long microseconds, int interruptible) noexcept nogil
    int PyThread_acquire_lock(PyThread_type_lock lock, int wait) noexcept nogil
    void PyThread_release_lock(PyThread_type_lock lock) noexcept nogil
    unsigned long PyThread_start_new_thread(
        void (*function)(void*) noexcept, void* arg) noexcept nogil
    unsigned long PYTHREAD_INVALID_THREAD_ID

# ns a task may run until that is a stall; 0: it may for ever.
cdef int64_t limit = 0
cdef object on_stall = None
# ns a task of the main thread may run until it is interrupted; 0: it never is.
cdef int64_t slice_time = 0
# Every hub of the process while the watcher runs, and free ones.
cdef Watched* watched = NULL
# Held to change the list, and by the watcher while it looks. By a teller only with the GIL, and a
# fork has the GIL and no watcher: in a child the lock is free.
cdef PyThread_type_lock looking = PyThread_allocate_lock()
# Released to end the watcher's pause.
cdef PyThread_type_lock pause = PyThread_allocate_lock()
PyThread_acquire_lock(pause, 1)
cdef pthread_t watcher
cdef int watcher_id = 0              # to the kernel
cdef bint running = False
cdef bint stopping = False
# Threads that tell, or wait for the GIL to; changed with ``looking`` taken.
cdef int tellers = 0


def watch(double seconds, function=None):
    """Have ``function`` told, in an OS thread, of each task that holds its hub for ``seconds``.

    Args:
      seconds: 0 ends it.
      function: called with the task, the name of its OS thread, the seconds for which it holds the
        hub, and those of CPU time the thread used in them; again when it has let go, with None
        in place of the task. Only then, if native code kept the GIL until then.

    Parks: never. Threads: any.
    """
    global limit, on_stall
    stop()
    on_stall = function
    limit = <int64_t>(seconds * NSEC)
    start()


cdef int set_slice(int64_t ns) except -1:
    """Send SIGURG to the main thread when a task of it has run for ``ns``."""
    global slice_time, due
    stop()
    slice_time = ns
    due = False
    start()
    return 0


cpdef int thread_count() noexcept:
    """How many OS threads of the process are the watcher and its tellers."""
    return running + tellers


# -- which hubs there are --------------------------------------------------------------

cdef void add(Hub hub) noexcept:
    cdef Watched* one
    PyThread_acquire_lock(looking, 1)
    one = watched
    while one != NULL and one.hub != NULL:
        one = one.next
    if one == NULL:
        one = new_watched()
    if one != NULL:
        one.mark = hub.switches
        one.since = weft_now_ns()
        one.stalls = False
        one.hub = <PyObject*>hub
        set_clock(one)
    PyThread_release_lock(looking)


cdef Watched* new_watched() noexcept:
    global watched
    cdef Watched* one = <Watched*>calloc(1, sizeof(Watched))
    if one != NULL:
        one.next = watched
        watched = one
    return one


cdef void set_clock(Watched* one) noexcept:
    """Also in a forked child, whose thread is another one to the kernel."""
    pthread_getcpuclockid((<Hub>one.hub).ident, &one.clock)
    one.cpu = cpu_time(one.clock)


cdef void drop(Hub hub) noexcept:
    cdef Watched* one = watched
    PyThread_acquire_lock(looking, 1)
    while one != NULL:
        if one.hub == <PyObject*>hub:
            one.hub = NULL
        one = one.next
    PyThread_release_lock(looking)


cdef void hub_made(Hub hub) noexcept:
    if running:
        add(hub)
    elif limit or slice_time:
        start()


# -- the watcher -----------------------------------------------------------------------

cdef void start() noexcept:
    """Once there is a hub to look at."""
    global running
    if running or not (limit or slice_time) or not hubs_of_process():
        return
    for hub in hubs_of_process():
        add(<Hub>hub)
    run()


cdef void run() noexcept:
    global running, stopping
    stopping = False
    running = weft_start_thread(&watcher, body) == 0


def stop():
    """Nobody looks at a hub any more when this returns."""
    halt()
    for hub in hubs_of_process():
        drop(<Hub>hub)


cdef void halt() noexcept:
    global running, stopping
    if not running:
        return
    running = False
    stopping = True
    PyThread_release_lock(pause)
    weft_end_thread(watcher, watcher_id)


cdef void* body(void* _) noexcept nogil:
    global watcher_id
    cdef int64_t period = pause_time()
    cdef int64_t last = weft_now_ns()
    cdef int64_t now
    watcher_id = weft_thread_id()
    while PyThread_acquire_lock_timed(pause, period // 1000, 0) != PY_LOCK_ACQUIRED or not stopping:
        now = weft_now_ns()
        PyThread_acquire_lock(looking, 1)
        # Late by so much: the process was stopped, and it is no task's fault.
        look_at_all(now, now - last > limit // 2 + 4 * period)
        PyThread_release_lock(looking)
        last = now
    return NULL


cdef int64_t pause_time() noexcept nogil:
    """ns from one look to the next."""
    cdef int64_t period = limit // 10 if limit else NSEC
    if slice_time:
        period = min(period, slice_time // 4)
    return max(period, NSEC // 1000)


cdef void look_at_all(int64_t now, bint anew) noexcept nogil:
    cdef Watched* one = watched
    while one != NULL:
        if one.hub != NULL:
            look_at(one, now, anew)
        one = one.next


cdef void look_at(Watched* one, int64_t now, bint anew) noexcept nogil:
    if has_moved(one) or (anew and not one.stalls):
        if one.stalls:
            end_stall(one, now)
        one.mark = (<Hub>one.hub).switches
        one.since = now
        one.cpu = cpu_time(one.clock)
        return
    if slice_time and not due and now - one.since >= slice_time:
        interrupt(one)
    if one.stalls:
        if not (one.arrived or one.warned) and now - one.since >= limit + max(limit, NSEC):
            one.warned = True
            warn_blindly(now - one.since)
    elif limit and now - one.since >= limit:
        one.arrived = one.warned = False
        one.stalls = start_teller(one, run_teller)


cdef void interrupt(Watched* one) noexcept nogil:
    """Only a thread that runs: a system call in which it waits would end with EINTR."""
    global due
    if (<Hub>one.hub).in_main_thread and weft_main_thread_runs():
        due = True                   # until its handler has run
        send((<Hub>one.hub).ident)


cdef void send(unsigned long thread) noexcept nogil:
    pthread_kill(thread, SIGURG)


cdef bint has_moved(Watched* one) noexcept nogil:
    """Whether another task runs than at the last look, or this one keeps nobody waiting."""
    cdef PyObject* now = <PyObject*>(<Hub>one.hub).current
    if (<Hub>one.hub).switches != one.mark or now == Py_None:
        return True
    return (<Hub>one.hub).sleeping or (<Hub>one.hub).live_count == 0


cdef void end_stall(Watched* one, int64_t now) noexcept nogil:
    one.stalls = False
    measure(one, now)
    if one.arrived:
        start_teller(one, run_end_teller)        # else the one that waits for the GIL tells this


cdef void measure(Watched* one, int64_t now) noexcept nogil:
    one.length = now - one.since
    one.used = cpu_time(one.clock) - one.cpu


cdef int64_t cpu_time(clockid_t clock) noexcept nogil:
    cdef timespec ts
    if clock_gettime(clock, &ts) != 0:
        return 0
    return <int64_t>ts.tv_sec * NSEC + ts.tv_nsec


cdef void warn_blindly(int64_t held) noexcept nogil:
    """Native code has kept the GIL all the time: without it nothing can be looked up."""
    cdef char text[200]
    cdef int size = snprintf(
        text, sizeof(text),
        b"weft: no task has run for %.1f s: native code holds the GIL, and weft cannot look which "
        b"task called it until it returns\n", held / <double>NSEC)
    c_write(2, text, min(size, <int>sizeof(text) - 1))


# -- tellers ---------------------------------------------------------------------------

cdef bint start_teller(Watched* one, void (*teller)(void*) noexcept) noexcept nogil:
    global tellers
    if PyThread_start_new_thread(teller, <void*>one) == PYTHREAD_INVALID_THREAD_ID:
        return False
    tellers += 1
    return True


cdef void run_teller(void* arg) noexcept with gil:
    """A task holds the hub; or did, if native code has kept the GIL so long."""
    cdef Watched* one = <Watched*>arg
    PyThread_acquire_lock(looking, 1)
    told, one.arrived = one.arrived, True
    if one.stalls:
        measure(one, weft_now_ns())
        one.stalls = one.hub != NULL and not has_moved(one)
    holds = one.stalls
    PyThread_release_lock(looking)
    tell(one, holds, told)


cdef void run_end_teller(void* arg) noexcept with gil:
    tell(<Watched*>arg, False, False)


cdef void tell(Watched* one, bint holds, bint told) noexcept:
    global tellers
    cdef Hub hub
    if one.hub != NULL and on_stall is not None and not told:
        hub = <Hub>one.hub
        try:
            on_stall(hub.current if holds else None, hub.thread_name,
                     one.length / <double>NSEC, one.used / <double>NSEC)
        except BaseException as error:
            thread_failed(error, on_stall)
    PyThread_acquire_lock(looking, 1)
    tellers -= 1
    PyThread_release_lock(looking)


# -- fork, and the end of the program -----------------------------------------------------

def _before_fork():
    halt()


def _after_fork_in_parent():
    # Not yet: CPython 3.13 counts the threads after this.
    Py_AddPendingCall(run_again, NULL)


def _after_fork_in_child():
    global tellers
    cdef Watched* one = watched
    tellers = 0
    while one != NULL:
        if one.hub != NULL:
            set_clock(one)
            one.stalls = False
        one = one.next
    run_again(NULL)


cdef int run_again(void* _) noexcept:
    if (limit or slice_time) and not running and hubs_of_process():
        run()
    return 0


def install():
    """Once, after _ends.pyx has registered what it does in a forked child."""
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )


_hub.hub_made = hub_made
_hub.hub_gone = drop
# Before _ends.pyx does so, hence called after what that calls: tasks may still compute then.
atexit.register(stop)
