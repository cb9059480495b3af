"""Crew: tasks that are taken as they end; see _crew.pyx."""

from weft._core._semaphore cimport Semaphore
from weft._core._task cimport Canceller, Task
from weft._core._waitlist cimport WaitList

cdef class Crew(Canceller):
    cdef str what                # what it is for: "map", "pool" ...
    cdef object place            # (code, offset) where that was made
    cdef dict children           # unfinished tasks, in the order spawned; values None
    cdef object ended            # deque of tasks ended and not taken; None: nobody takes
    cdef Semaphore places        # of a pool: gets a place back for each task that ends; else None
    cdef WaitList taking         # who waits for a task to end
    cdef set asked               # unfinished tasks that were asked to stop
    cdef str reason              # why they were; None while it may spawn
    cdef object __weakref__

    cdef str name(self)
    cdef int wait(self) except -1
