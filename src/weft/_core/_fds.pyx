# cython: binding=False, embedsignature.format=clinic
"""Waits on file descriptors, and what becomes of them when one is closed.

Owns nothing; works on the calling thread's hub, and on all of them for a close.
Callers park in every ``wait_``; the poller, the deadline or ``closing`` wakes them.
"""

import os
from math import inf as _inf

from cpython.object cimport PyObject
from libc.errno cimport EBADF
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from weft._core._hub cimport Hub, get_hub, hubs_of_process, leave
from weft._core._poller cimport READ, WRITE, FdState, known
from weft._core._sys cimport POLLIN, POLLOUT, POLLPRI, c_poll, pollfd
from weft._core._task cimport EXPIRED, THROWN, WOKEN, Task, deadline_at
from weft._core._waitlist cimport (
    WaitList,
    WaitNode,
    node_append,
    node_init,
    node_linked,
    node_pop,
    node_unlink,
)


cdef int wait_fd(Hub hub, FdState* fs, int direction, bint own, int64_t deadline) except -1:
    """Park until ``fs`` may be ready for ``direction``.

    Call it after an EAGAIN. Returns WOKEN or EXPIRED; raises EBADF when
    the descriptor is closed through weft meanwhile.
    """
    cdef Task me = hub.current
    cdef int how
    # Whatever may run Python code, and let another thread close it, precedes the link.
    hub.may_park(me, True)
    if not hub.poller.watch(fs, direction, own):
        return WOKEN
    node_append(&fs.readers if direction == READ else &fs.writers, &me.node)
    me.fd = fs.fd
    how = THROWN
    try:
        how = hub.park("read" if direction == READ else "write", None, deadline, True)
    finally:
        if how != WOKEN:
            me.fd = -1
            leave(me)
            hub.poller.unwatch(fs)
    return how


cdef int forget_fd(Hub hub, int fd) except -1:
    """``fd`` is about to be closed, by any thread: its waiters here get EBADF."""
    cdef FdState* fs = known(hub.poller, fd)
    if fs != NULL:
        hub.poller.forget(fd)
        refuse(hub, &fs.readers)
        refuse(hub, &fs.writers)
    return 0


cdef int refuse(Hub hub, WaitList* head) except -1:
    cdef WaitNode* node = node_pop(head)
    while node != NULL:
        if node.waiter != NULL:
            hub.wake(<Task>node.waiter, THROWN, OSError(EBADF, os.strerror(EBADF)))
        node = node_pop(head)
    return 0


def wait_readable(int fd, *, double deadline=_inf):
    """Park the calling task until ``fd`` may have something to read.

    Readiness is a hint: another task may drain ``fd`` first, so retry the
    read and be ready to wait again. A regular file is always ready.

    Args:
      fd: open descriptor, non-blocking if you are to read from it.
      deadline: absolute seconds on :func:`now`'s clock; a past one still looks once.

    Raises:
      TimeoutError: ``deadline`` passed first.
      Cancelled: the task was cancelled.
      OSError: EBADF if ``fd`` is not open, or was closed through weft meanwhile.

    Parks: unless it is a regular file. Woken by: the poller or the deadline.
    Threads: any; waits on that thread's own hub.
    """
    wait_one(fd, READ, deadline)


def wait_writable(int fd, *, double deadline=_inf):
    """Park the calling task until ``fd`` may take something; as :func:`wait_readable`."""
    wait_one(fd, WRITE, deadline)


cdef int wait_one(int fd, int direction, double deadline) except -1:
    cdef Hub hub = get_hub()
    cdef FdState* fs = hub.poller.state(fd)
    # An owned descriptor had its edge already: only poll(2) knows whether it is ready.
    if fs.owned and look(fd, POLLIN | POLLPRI if direction == READ else POLLOUT):
        hub.yield_now(hub.current)
        return 0
    if wait_fd(hub, fs, direction, False, deadline_at(deadline)) == EXPIRED:
        raise TimeoutError("timed out")
    return 0


cdef int look(int fd, short events) noexcept:
    """What poll(2) says about ``fd`` now."""
    cdef pollfd p
    p.fd = fd
    p.events = events
    p.revents = 0
    c_poll(&p, 1, 0)
    return p.revents


def wait_fds(list wanted, double deadline=_inf):
    """Park until one of several descriptors may be ready, or the deadline passes.

    Args:
      wanted: pairs ``(fd, events)``, events as poll(2)'s bits POLLIN, POLLPRI, POLLOUT.
      deadline: absolute seconds on :func:`now`'s clock.

    Returns:
      False when the deadline passed first. Otherwise ask poll(2) which are ready.

    Raises:
      Cancelled: the task was cancelled.
      OSError: EBADF for a descriptor that is not open or is closed through weft meanwhile.

    Parks: unless one is ready. Woken by: the poller or the deadline.
    Threads: any; waits on that thread's own hub.
    """
    cdef Hub hub = get_hub()
    cdef Task me = hub.current
    # A copy: the caller's list may change while this task is parked.
    cdef list pairs = [(<int>fd, <int>events) for fd, events in wanted]
    cdef list fds = [fd for fd, _ in pairs]
    cdef Py_ssize_t n = 2 * len(pairs)
    cdef WaitNode* nodes
    cdef Py_ssize_t i
    cdef bint waiting = False
    hub.may_park(me, True)
    nodes = <WaitNode*>calloc(n + 1, sizeof(WaitNode))
    if nodes == NULL:
        raise MemoryError
    for i in range(n):
        node_init(&nodes[i], <PyObject*>me)
    try:
        # From here until it is parked nothing may run Python code, and so no other thread:
        # a close in between would find nobody to wake.
        for i in range(len(pairs)):
            fd, events = pairs[i]
            if link_fd(hub, fd, events, &nodes[2 * i]):
                return True
        hub.on_fds += 1
        waiting = True
        return hub.park("poll", fds, deadline_at(deadline), True) == WOKEN
    finally:
        if waiting:
            hub.on_fds -= 1
        for i in range(n):
            if node_linked(&nodes[i]):
                node_unlink(&nodes[i])
        for i in range(len(pairs)):
            unlink_fd(hub, pairs[i][0])
        free(nodes)


cdef bint link_fd(Hub hub, int fd, int events, WaitNode* pair) except -1:
    """Put two nodes where ``fd`` reports; True if it is ready now."""
    cdef FdState* fs = hub.poller.state(fd)
    cdef int direction
    for direction in (READ, WRITE):
        if not events & ((POLLIN | POLLPRI) if direction == READ else POLLOUT):
            continue
        node_append(&fs.readers if direction == READ else &fs.writers, &pair[direction - 1])
        if not hub.poller.watch(fs, direction, False):
            return True
    # Watched first, asked then: what comes in between is an edge.
    return fs.owned and look(fd, <short>events) != 0


cdef int unlink_fd(Hub hub, int fd) except -1:
    cdef FdState* fs = known(hub.poller, fd)
    if fs != NULL:
        hub.poller.unwatch(fs)
    return 0


def closing(int fd):
    """Say that ``fd`` is about to be closed: whoever waits on it, on any hub, gets EBADF.

    Call it right before ``close``, with nothing that parks in between.

    Parks: never. Threads: any.
    """
    cdef Hub hub
    for each in hubs_of_process():
        hub = <Hub>each
        forget_fd(hub, fd)


def closing_range(int low, int high):
    """:func:`closing` for each descriptor from ``low`` up to ``high``, less that."""
    cdef Hub hub
    for each in hubs_of_process():
        hub = <Hub>each
        for fd in range(max(low, 0), min(high, hub.poller.table_size)):
            if hub.signal_pipe is None or fd not in hub.signal_pipe:
                forget_fd(hub, fd)


def hub_fds():
    """The descriptors that the hubs use themselves, of which the program knows nothing."""
    cdef list found = []
    cdef Hub hub
    for each in hubs_of_process():
        hub = <Hub>each
        found += hub.poller.own_fds()
        if hub.signal_pipe is not None:
            found += hub.signal_pipe
    return found
