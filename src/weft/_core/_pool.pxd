"""The pool of OS threads; see _pool.pyx."""

# Threads that wait for a call, the last to become idle at the end.
cdef list idle
