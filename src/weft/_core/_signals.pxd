"""The pipe through which signals end a hub's wait; see _signals.pyx."""

cdef bint in_main_thread() except -1
cdef tuple open_pipe()
cdef int empty_pipe(tuple pipe) except -1
cdef int close_pipe(tuple pipe) except -1
