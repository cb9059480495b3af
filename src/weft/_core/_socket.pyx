"""Green socket calls: try the system call, park on EAGAIN, try again.

Owns: a socket's timeout and what the kernel told of it. Must not know: what
a Python socket object is, beyond its ``_state``. Callers park here in every
function but ``closing``; the hub's poller, a timeout or a close wakes them.

The functions that take ``sock`` first are the methods of ``weft.socket.socket``.
System calls that cannot block keep the GIL: giving it up costs more than they do.
"""

import os

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject
from libc.errno cimport EAGAIN, EBADF, EINTR, errno
from libc.stdint cimport int64_t
from libc.stdlib cimport realloc
from libc.string cimport memset

from weft._core._clock cimport now_ns
from weft._core._fds cimport look, wait_fd
from weft._core._hub cimport SCRATCH, Hub, charge, get_hub, hubs_of_process
from weft._core._poller cimport READ, WRITE, FdState, known
from weft._core._sys cimport (
    AF_INET,
    AF_INET6,
    NSEC,
    POLLIN,
    POLLOUT,
    SOCK_STREAM,
    c_recv,
    c_send,
    forever,
)
from weft._core._task cimport EXPIRED, deadline_at

from weft._core._fds import closing as close_waiters

cdef extern from "<sys/socket.h>" nogil:
    """
    #ifndef MSG_ERRQUEUE
    #define MSG_ERRQUEUE 0
    #endif
    """
    enum: MSG_DONTWAIT, MSG_ERRQUEUE, MSG_PEEK, MSG_WAITALL

cdef enum:
    # With these the kernel does not wait even if the descriptor is a blocking one.
    NEVER_WAIT = MSG_DONTWAIT | MSG_ERRQUEUE


# By descriptor: the green socket it belongs to, borrowed, or NULL.
cdef PyObject** green = NULL
cdef int green_size = 0


cdef class SocketState:
    """The green side of one open socket.

    Args:
      fd: its descriptor, non-blocking.
      family, kind: the stdlib's family and type, without flag bits.
      timeout: seconds for each operation; None waits for ever, 0 never waits.
    """

    def __cinit__(self, int fd, int family, int kind, timeout=None):
        self.fd = fd
        self.family = family
        self.type = kind
        self.timeout = timeout
        # Only there: a datagram is one recv whatever its size, and a Unix stream
        # stops a read at what SCM_RIGHTS came with.
        self.plain_tcp = kind == SOCK_STREAM and (family == AF_INET or family == AF_INET6)
        for hub in hubs_of_process():
            (<Hub>hub).poller.renew(fd)
        note(self)

    def __dealloc__(self):
        forget(self)

    @property
    def timeout(self):
        """Seconds an operation waits; None for ever, 0.0 not at all."""
        return None if self.timeout_ns < 0 else self.timeout_ns / <double>NSEC

    @timeout.setter
    def timeout(self, seconds):
        if seconds is None:
            self.timeout_ns = -1
        elif seconds < 0:
            raise ValueError("Timeout value out of range")
        else:
            self.timeout_ns = deadline_at(seconds)

    cdef int64_t give_up(self) noexcept:
        """When an operation that begins now times out."""
        if self.timeout_ns < 0:
            return forever()
        return now_ns() + self.timeout_ns

    def deadline(self):
        """Absolute seconds at which an operation that begins now times out; inf for never."""
        cdef int64_t when = self.give_up()
        return float("inf") if when == forever() else when / <double>NSEC

    def wait_read(self):
        """Park after your own EAGAIN until a read may succeed, for ``timeout`` at most.

        Raises:
          BlockingIOError: the socket is non-blocking (timeout 0).
          TimeoutError: the timeout passed.
          OSError: EBADF, it was closed meanwhile.
          Cancelled: the task was cancelled.
        """
        self.wait(READ, self.give_up())

    def wait_write(self):
        """As :meth:`wait_read`, until a write may succeed."""
        self.wait(WRITE, self.give_up())

    def wait_read_until(self, double deadline):
        """As :meth:`wait_read`, until an absolute time on :func:`weft.now`'s clock."""
        self.wait(READ, deadline_at(deadline))

    def wait_write_until(self, double deadline):
        """As :meth:`wait_write`, until an absolute time on :func:`weft.now`'s clock."""
        self.wait(WRITE, deadline_at(deadline))

    def closing(self):
        """The descriptor is about to be closed or given away: its waiters get EBADF.

        Parks: never. Threads: any.
        """
        cdef int fd = self.fd
        forget(self)
        self.fd = -1
        if fd >= 0:
            close_waiters(fd)

    cdef int wait(self, int direction, int64_t deadline) except -1:
        cdef Hub hub
        if self.timeout_ns == 0:
            raise_errno(EAGAIN)
        if self.fd < 0:
            raise_errno(EBADF)
        hub = get_hub()
        if wait_fd(hub, hub.poller.state(self.fd), direction, True, deadline) == EXPIRED:
            raise TimeoutError("timed out")
        return 0

    cdef bint is_blocking_stream(self, int flags) noexcept:
        """Whether a call takes or gives all it was asked for, as on a blocking descriptor."""
        return self.timeout_ns < 0 and self.type == SOCK_STREAM and not flags & NEVER_WAIT

    cdef int64_t begin_wait(self, int flags) except -1:
        """After the first EAGAIN of an operation: its deadline, if it may wait."""
        if flags & NEVER_WAIT and self.timeout_ns < 0:
            raise_errno(EAGAIN)
        return self.give_up()

    cdef Py_ssize_t receive(self, Hub hub, char* buf, Py_ssize_t size, int flags) except -1:
        cdef FdState* fs = known(hub.poller, self.fd)
        cdef int64_t deadline = -1
        cdef Py_ssize_t n
        while True:
            # After a short read the answer would be EAGAIN, so that call is saved.
            if fs == NULL or not fs.drained or flags != 0 or size == 0 or self.timeout_ns == 0:
                n = c_recv(self.fd, buf, size, flags | MSG_DONTWAIT)
                if n >= 0:
                    if 0 < n < size and fs != NULL and self.plain_tcp and flags == 0:
                        # What ended the stream gives no further edge: then only
                        # EAGAIN itself may say that nothing is left.
                        fs.drained = fs.owned and fs.armed & READ and not fs.ended
                    return n
                if may_wait() == 0:
                    continue
            if deadline == -1:
                deadline = self.begin_wait(flags)
            self.wait(READ, deadline)
            fs = known(hub.poller, self.fd)

    cdef Py_ssize_t receive_all(self, Hub hub, char* buf, Py_ssize_t size, int flags) except -1:
        """MSG_WAITALL: until ``size`` bytes are there, the stream ends or fails."""
        cdef Py_ssize_t n = self.receive(hub, buf, size, flags)
        cdef Py_ssize_t got = n
        while 0 < n and got < size and not flags & MSG_PEEK and self.is_blocking_stream(flags):
            n = self.receive(hub, buf + got, size - got, flags)
            got += n
        return got

    cdef Py_ssize_t transmit(self, Hub hub, const char* buf, Py_ssize_t size, int flags,
                             int64_t deadline) except -1:
        cdef Py_ssize_t n
        while True:
            n = c_send(self.fd, buf, size, flags | MSG_DONTWAIT)
            if n >= 0:
                return n
            if may_wait() == 0:
                continue
            if deadline == -1:
                deadline = self.begin_wait(flags)
            self.wait(WRITE, deadline)

    cdef object retry(self, int direction, object sock, object method, tuple args):
        cdef int64_t deadline = -1
        charge(get_hub())
        while True:
            if not self.lent or look(self.fd, POLLIN if direction == READ else POLLOUT):
                try:
                    return method(sock, *args)
                except BlockingIOError:
                    if self.timeout_ns == 0:
                        raise
            if deadline == -1:
                deadline = self.give_up()
            self.wait(direction, deadline)


cdef int may_wait() except -1:
    """After a failed call: 1 to wait, 0 to call again at once; raises what is a real error."""
    cdef int err = errno
    if err == EAGAIN:
        return 1
    if err == EINTR:
        PyErr_CheckSignals()
        return 0
    return raise_errno(err)


cdef int raise_errno(int err) except -1:
    raise OSError(err, os.strerror(err))


cdef inline SocketState state_of(object sock):
    return <SocketState?>sock._state


def recv(sock, Py_ssize_t bufsize, int flags=0):
    """Receive up to ``bufsize`` bytes; ``b""`` at the end of the stream."""
    cdef SocketState state = state_of(sock)
    cdef Hub hub = get_hub()
    cdef Py_ssize_t n
    cdef object data
    if bufsize < 0:
        raise ValueError("negative buffersize in recv")
    charge(hub)
    if bufsize <= SCRATCH and not flags & MSG_WAITALL:
        n = state.receive(hub, hub.scratch_buffer(), bufsize, flags)
        return PyBytes_FromStringAndSize(hub.scratch, n)
    data = PyBytes_FromStringAndSize(NULL, bufsize)
    if flags & MSG_WAITALL:
        n = state.receive_all(hub, PyBytes_AS_STRING(data), bufsize, flags)
    else:
        n = state.receive(hub, PyBytes_AS_STRING(data), bufsize, flags)
    return data[:n] if n < bufsize else data


def recv_into(sock, buffer, Py_ssize_t nbytes=0, int flags=0):
    """Receive up to ``nbytes`` (0: its size) bytes into ``buffer``; returns how many."""
    cdef SocketState state = state_of(sock)
    cdef Hub hub = get_hub()
    cdef Py_buffer view
    if nbytes < 0:
        raise ValueError("negative buffersize in recv_into")
    try:
        PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE)
    except BufferError:
        raise TypeError("recv_into() argument 1 must be read-write bytes-like object, "
                        f"not {type(buffer).__name__}") from None
    try:
        if nbytes > view.len:
            raise ValueError("buffer too small for requested bytes")
        charge(hub)
        if flags & MSG_WAITALL:
            return state.receive_all(hub, <char*>view.buf, nbytes or view.len, flags)
        return state.receive(hub, <char*>view.buf, nbytes or view.len, flags)
    finally:
        PyBuffer_Release(&view)


def send(sock, data, int flags=0):
    """Send some of ``data``; returns how many bytes the kernel took.

    All of it on a stream without a timeout, as the kernel does on a blocking descriptor:
    there is code that relies on it.
    """
    cdef SocketState state = state_of(sock)
    cdef Hub hub = get_hub()
    cdef Py_buffer view
    cdef Py_ssize_t n
    charge(hub)
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        n = state.transmit(hub, <const char*>view.buf, view.len, flags, -1)
        if n < view.len and state.is_blocking_stream(flags):
            send_rest(hub, state, <const char*>view.buf + n, view.len - n, flags)
            n = view.len
        return n
    finally:
        PyBuffer_Release(&view)


def sendall(sock, data, int flags=0):
    """Send all of ``data``; the timeout is for the whole of it."""
    cdef SocketState state = state_of(sock)
    cdef Hub hub = get_hub()
    cdef Py_buffer view
    charge(hub)
    if PyBytes_CheckExact(data):
        send_rest(hub, state, PyBytes_AS_STRING(data), len(<bytes>data), flags)
        return
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        send_rest(hub, state, <const char*>view.buf, view.len, flags)
    finally:
        PyBuffer_Release(&view)


cdef int send_rest(Hub hub, SocketState state, const char* buf, Py_ssize_t size,
                   int flags) except -1:
    cdef int64_t deadline = state.give_up() if state.timeout_ns > 0 else -1
    cdef Py_ssize_t n
    # At least one call, so that an empty send tells of a broken connection.
    n = state.transmit(hub, buf, size, flags, deadline)
    while n < size:
        buf += n
        size -= n
        charge(hub)
        if deadline != -1 and now_ns() >= deadline:
            raise TimeoutError("timed out")
        n = state.transmit(hub, buf, size, flags, deadline)
    return 0


def call_read(sock, method, *args):
    """``method(sock, *args)``, again after each wait for input as long as it would block.

    For what has no native form: recvfrom, recvmsg, accept. The method must not
    wait itself and must raise BlockingIOError with nothing done.
    """
    return state_of(sock).retry(READ, sock, method, args)


def call_write(sock, method, *args):
    """``method(sock, *args)``, again after each wait for room; as :func:`call_read`."""
    return state_of(sock).retry(WRITE, sock, method, args)


# -- what other programs see of them --------------------------------------------------------

cdef int note(SocketState state) except -1:
    global green, green_size
    cdef PyObject** larger
    cdef int size = max(green_size, 64)
    if state.fd < 0:
        return 0
    while size <= state.fd:
        size *= 2
    if size > green_size:
        larger = <PyObject**>realloc(green, size * sizeof(PyObject*))
        if larger == NULL:
            raise MemoryError
        memset(larger + green_size, 0, (size - green_size) * sizeof(PyObject*))
        green = larger
        green_size = size
    green[state.fd] = <PyObject*>state
    return 0


cdef void forget(SocketState state) noexcept:
    if 0 <= state.fd < green_size and green[state.fd] == <PyObject*>state:
        green[state.fd] = NULL


cpdef bint is_green(int fd) noexcept:
    """Whether ``fd`` is non-blocking only because weft made it so: its socket has no timeout."""
    cdef SocketState state
    if not 0 <= fd < green_size or green[fd] == NULL:
        return False
    state = <SocketState>green[fd]
    return state.timeout_ns < 0 and not state.lent


def green_fds():
    """The descriptors of all green sockets that have no timeout, and that nobody else has."""
    return [fd for fd in range(green_size) if is_green(fd)]


def lend(int fd):
    """Make ``fd`` blocking, if it is a green socket's without a timeout, as it is for its user.

    Call it before another program gets ``fd``: it would share O_NONBLOCK, and not
    expect it. From then on weft asks before each of its own calls on that socket.

    Parks: never. Threads: any.
    """
    if is_green(fd):
        os.set_blocking(fd, True)
        (<SocketState>green[fd]).lent = True
