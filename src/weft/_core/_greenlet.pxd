"""The only sight of greenlet's C API.

``check_size error`` makes the import fail, and not memory corrupt, when
greenlet's object grows: Task lays its own fields behind it.
"""

from cpython.object cimport PyObject

cdef extern from "greenlet/greenlet.h":
    ctypedef class greenlet.greenlet [object PyGreenlet, check_size error]:
        pass

    void PyGreenlet_Import() except *
    # New reference, NULL with an exception set.
    PyObject* PyGreenlet_GetCurrent() noexcept
    PyObject* PyGreenlet_New(PyObject* run, PyObject* parent) noexcept
    # A new reference to what was passed on the switch back, NULL with the
    # exception that was thrown in. Args may be NULL (an empty tuple).
    PyObject* PyGreenlet_Switch(PyObject* target, PyObject* args, PyObject* kwargs) noexcept
    int PyGreenlet_SetParent(PyObject* greenlet, PyObject* parent) except -1
    PyObject* PyGreenlet_GetParent(PyObject* greenlet) noexcept
    int PyGreenlet_STARTED(PyObject* greenlet) noexcept
    int PyGreenlet_ACTIVE(PyObject* greenlet) noexcept
