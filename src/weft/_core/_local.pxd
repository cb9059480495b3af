"""Who is calling: a task or an OS thread; see _local.pyx."""

from cpython.object cimport PyObject

from weft._core._task cimport Task
from weft._core._waitlist cimport WaitList, WaitNode

# What get_ident() returns: of the running task or, in a main task, of the OS thread.
cdef unsigned long caller() noexcept
cdef unsigned long ident_of(Task task) noexcept

cdef class _Slot:
    """What a task's or OS thread's storage has for one ``local``."""
    cdef WaitNode link       # in the local's list of slots
    cdef PyObject* owner     # the local; borrowed; NULL once it is gone
    # Its values here; borrowed from the local, so that it can be collected with what they refer to.
    cdef PyObject* found
    cdef PyObject* home      # the storage this lies in, which owns this; borrowed

cdef class local:
    cdef WaitList slots      # head: one for each task that touched it
    cdef dict values         # of every task: by the address of its slot
    cdef object key          # in every storage: the address of this object
    cdef tuple args          # for __init__ in each task
    cdef dict kwargs
    cdef object __weakref__

    cdef dict here(self)
