from weft._core._poller cimport Poller

cdef class PortablePoller(Poller):
    cdef object selector
    cdef int wake_read           # a pipe: other threads end a wait through it
    cdef int wake_write

    cdef list closed_behind_our_back(self)
    cdef int drain(self) except -1
