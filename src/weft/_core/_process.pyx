"""The two waits of ``weft.parallel``: for its turn, and for the process that makes its call.

Owns: how many calls may still be out. Must not know: processes. A caller
parks in ``Places.take`` and ``wait_for_call``, with the function it has
called as the wait's object; ``Places.give`` and the poller wake it.
"""

cimport cython

from weft._core._hub cimport Hub, get_hub, leave
from weft._core._poller cimport READ, WRITE, FdState
from weft._core._sys cimport forever
from weft._core._task cimport THROWN, WOKEN, Task
from weft._core._waitlist cimport (
    WaitList,
    list_init,
    node_append,
    node_linked,
    node_pop,
    node_unlink,
)
from weft._core._waits cimport breathe, wake_first


@cython.final
cdef class Places:
    """Room for so many calls at once; who finds none free waits, first come first served."""

    cdef readonly Py_ssize_t free    # places nobody has; 0 while anybody waits
    cdef WaitList waiters            # head: tasks that wait for a place

    def __cinit__(self):
        list_init(&self.waiters)

    def __init__(self, Py_ssize_t number):
        self.free = number

    def __dealloc__(self):
        while node_pop(&self.waiters) != NULL:
            pass

    def take(self, function):
        """Take a place for a call of ``function``; give it back with :meth:`give`.

        Raises:
          Cancelled: the task was cancelled while it waited.

        Parks: while there is none. Woken by: :meth:`give`. Threads: any.
        """
        cdef Hub hub
        cdef Task me
        breathe()
        if self.free > 0:
            self.free -= 1
            return
        hub = get_hub()
        me = hub.current
        # Whatever may run Python code, and let another thread give, runs before the last look.
        hub.may_park(me, True)
        me.value = None
        if self.free > 0:
            self.free -= 1
            return
        node_append(&self.waiters, &me.node)
        hub.in_threads += 1
        try:
            if hub.park("process", function, forever(), True) == WOKEN:
                me.value = None
        finally:
            hub.in_threads -= 1
            if node_linked(&me.node):
                node_unlink(&me.node)
            if me.value is self:
                # Handed over, but something else threw into this greenlet.
                me.value = None
                self.give()

    cpdef void give(self) noexcept:
        """Give a place back, to the first who waits for one.

        Parks: never. Threads: any.
        """
        if wake_first(&self.waiters, self) is None:
            self.free += 1


def wait_for_call(int fd, bint sending, function):
    """Park until a worker process takes more of a call, or has some of the answer.

    As :func:`weft.lowlevel.wait_readable`, a hint; the wait reason is ``function``.

    Args:
      fd: non-blocking end of the connection with the worker.
      sending: wait until it can be written to, not read.

    Raises:
      Cancelled: the task was cancelled.
      OSError: EBADF if ``fd`` is closed through weft meanwhile.

    Parks: always. Woken by: the poller. Threads: any; waits on that thread's own hub.
    """
    cdef Hub hub = get_hub()
    cdef Task me = hub.current
    cdef FdState* fs = hub.poller.state(fd)
    cdef int how = THROWN
    hub.may_park(me, True)
    if not hub.poller.watch(fs, WRITE if sending else READ, False):
        return
    node_append(&fs.writers if sending else &fs.readers, &me.node)
    hub.in_threads += 1
    try:
        how = hub.park("process", function, forever(), True)
    finally:
        hub.in_threads -= 1
        if how != WOKEN:
            leave(me)
            hub.poller.unwatch(fs)
