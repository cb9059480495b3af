"""SocketState: what a green socket keeps beside its descriptor; see _socket.pyx."""

from libc.stdint cimport int64_t

from weft._core._hub cimport Hub

cdef class SocketState:
    cdef readonly int fd             # -1 once closing
    cdef readonly int family
    cdef readonly int type           # without SOCK_NONBLOCK and SOCK_CLOEXEC
    cdef int64_t timeout_ns          # -1: none; 0: non-blocking
    cdef bint plain_tcp              # a short recv means that nothing is left
    cdef readonly bint lent          # another program has it as well, and so it is a blocking one

    cdef int64_t give_up(self) noexcept
    cdef int wait(self, int direction, int64_t deadline) except -1
    cdef bint is_blocking_stream(self, int flags) noexcept
    cdef int64_t begin_wait(self, int flags) except -1
    cdef Py_ssize_t receive_all(self, Hub hub, char* buf, Py_ssize_t size, int flags) except -1
    cdef Py_ssize_t receive(self, Hub hub, char* buf, Py_ssize_t size, int flags) except -1
    cdef Py_ssize_t transmit(self, Hub hub, const char* buf, Py_ssize_t size, int flags,
                             int64_t deadline) except -1
    cdef object retry(self, int direction, object sock, object method, tuple args)

cpdef bint is_green(int fd) noexcept
cdef int raise_errno(int err) except -1
