"""The pipe through which signals end a hub's wait; see _signals.pyx."""

cdef bint in_main_thread() except -1
cdef tuple open_pipe()
cdef Py_ssize_t empty_pipe(tuple pipe) except -1
cdef int want_bytes(int fd, bint tell) noexcept
cdef int bytes_go_to() noexcept
cdef int take_passing_error() noexcept
cdef int close_pipe(tuple pipe) except -1
