"""What ``_thread`` tells ``sys.unraisablehook`` when the function of a thread fails."""

cdef extern from *:
    """
    static void weft_thread_failed(PyObject *error, PyObject *function) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);   /* with its traceback */
    #if PY_VERSION_HEX >= 0x030D0000
        PyErr_FormatUnraisable("Exception ignored in thread started by %R", function);
    #else
        _PyErr_WriteUnraisableMsg("in thread started by", function);
    #endif
    }
    """
    void weft_thread_failed(object error, object function) noexcept


def thread_failed(error, function):
    """Report ``error``, which ended a thread that ran ``function``.

    Parks: never, unless the hook does. Threads: any.
    """
    weft_thread_failed(error, function)
