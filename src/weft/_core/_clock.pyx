"""The clock that deadlines are on: CLOCK_MONOTONIC, or a virtual one while a test wants that.

Owns: the virtual time. The hub moves it on to the next deadline when every
task parks; nobody else does. Nothing here parks.
"""

from libc.stdint cimport int64_t

cdef int64_t virtual_ns = 0
