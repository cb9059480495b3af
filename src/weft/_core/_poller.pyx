"""The Poller contract: waits on the kernel for the descriptors of one hub.

Owns: the fd table. Must not know: tasks (it holds opaque waiters and calls
the ``unpark`` it was given), the ready queue, the clock. The hub alone waits
here; waiters are linked and unlinked by the code that parks.

What a back end supplies (``_epoll.pyx``, ``_portable.pyx``):

``update(fs, wanted, own)``
    have the kernel report ``wanted`` of a descriptor; with ``own``, for good
    and edge-triggered, if ``edge_triggered`` says it can; else until the
    first event. Returns 0 when the kernel has nothing to wait for there (a
    regular file is always ready).
``remove(fs)``
    stop that. Must not fail: the descriptor may be closed already.
``wait(timeout)``
    wait at most ``timeout`` ns (0: only look; ``forever()``: no limit) and
    call ``seen`` for each descriptor that has something. Keeps the GIL when
    ``timeout`` is 0. Sets ``interrupted`` when a signal ended it.
``wake()``
    end a wait, now or the next one. From any thread, and it must not fail.
``own_fds()``
    the descriptors it uses itself.
``close(forked)``
    give the kernel's objects back; in a forked child without touching
    registrations, which the parent shares.

Readiness is a hint: waiters retry their system call and may park again.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

from weft._core._waitlist cimport WaitList, WaitNode, list_empty, list_init, node_pop


cdef class Poller:
    """Base of all pollers: the fd table and who is woken by what."""

    def __dealloc__(self):
        cdef int fd
        for fd in range(self.table_size):
            free(self.table[fd])
        free(self.table)

    cdef FdState* state(self, int fd) except NULL:
        """The state of ``fd``, made when it is first asked for."""
        cdef FdState* fs = known(self, fd)
        if fs != NULL:
            return fs
        if fd < 0:
            raise ValueError(f"file descriptor cannot be a negative integer ({fd})")
        if fd >= self.table_size:
            self.grow(fd + 1)
        fs = <FdState*>calloc(1, sizeof(FdState))
        if fs == NULL:
            raise MemoryError
        fs.fd = fd
        list_init(&fs.readers)
        list_init(&fs.writers)
        self.table[fd] = fs
        return fs

    cdef int grow(self, int least) except -1:
        cdef int size = self.table_size if self.table_size else 64
        cdef FdState** table
        while size < least:
            size *= 2
        table = <FdState**>realloc(self.table, size * sizeof(FdState*))
        if table == NULL:
            raise MemoryError
        memset(table + self.table_size, 0, (size - self.table_size) * sizeof(FdState*))
        self.table = table
        self.table_size = size
        return 0

    cdef int watch(self, FdState* fs, int direction, bint own) except -1:
        """See to it that the kernel reports ``direction`` of ``fs``.

        Call it after the own EAGAIN and before parking. Returns 0 when there
        is nothing to wait for, because the descriptor is always ready.
        """
        cdef int wanted = fs.armed | direction
        # Only an owner knows that its descriptor is still the one that is
        # registered; else it may have been closed and its number given out anew.
        if own and fs.owned and wanted == fs.armed:
            return 1
        return self.update(fs, wanted, fs.owned or (own and self.edge_triggered))

    cdef void unwatch(self, FdState* fs) noexcept:
        """A waiter left without an event: ask for no more than the others want.

        Owned descriptors stay registered. A foreign one must not stay armed:
        it may be closed and its number reused behind our back.
        """
        if not fs.owned:
            self.rearm(fs)

    cdef void rearm(self, FdState* fs) noexcept:
        cdef int wanted = 0
        if not list_empty(&fs.readers):
            wanted |= READ
        if not list_empty(&fs.writers):
            wanted |= WRITE
        if wanted == fs.armed:
            return
        if wanted == 0:
            self.remove(fs)
            return
        try:
            self.update(fs, wanted, False)
        except OSError:
            # Closed behind our back: a retry by those who wait will tell them.
            self.remove(fs)
            self.seen(fs, SEEN_IN | SEEN_OUT)

    cdef void forget(self, int fd) noexcept:
        """Before ``fd`` is closed through weft: unregister it, reject its late events."""
        cdef FdState* fs = known(self, fd)
        if fs == NULL:
            return
        fs.sequence += 1
        if fs.present:
            self.remove(fs)
        fs.owned = fs.drained = fs.ended = 0

    cdef void renew(self, int fd) noexcept:
        """``fd`` is a new socket's: what is registered may be of one closed behind our back.

        A socket that is dropped unclosed is closed by its destructor, and
        os.close tells nobody. Who waits here all the same waits on from now.
        """
        cdef FdState* fs = known(self, fd)
        if fs != NULL and fs.present:
            self.forget(fd)
            self.rearm(fs)

    cdef void seen(self, FdState* fs, int what) noexcept:
        """The kernel reported ``fs``: wake every waiter of each direction concerned."""
        if not fs.owned:
            fs.armed = 0          # one-shot: the kernel disarmed it
        if what & SEEN_END:
            fs.ended = 1
            what |= SEEN_IN
        if what & SEEN_IN:
            fs.drained = 0
            self.wake_all(&fs.readers)
        if what & SEEN_OUT:
            self.wake_all(&fs.writers)
        if not fs.owned:
            self.rearm(fs)

    cdef void wake_all(self, WaitList* head) noexcept:
        cdef WaitNode* node = node_pop(head)
        while node != NULL:
            self.unpark(node.waiter)
            node = node_pop(head)

    cdef int update(self, FdState* fs, int wanted, bint own) except -1:
        raise NotImplementedError

    cdef void remove(self, FdState* fs) noexcept:
        pass

    cdef int wait(self, int64_t timeout) except -1:
        raise NotImplementedError

    cdef void wake(self) noexcept:
        pass

    cdef void close(self, bint forked) noexcept:
        pass

    cdef list own_fds(self):
        return []
