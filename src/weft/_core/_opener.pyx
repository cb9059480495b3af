# cython: binding=False, embedsignature.format=clinic
"""A built-in ``open`` that leaves descriptors to another function, and no trace of itself.

Owns the two functions it calls. Must not know: files. Nothing here parks.

Everybody opens files, mostly by a path, and reads the traceback when that fails. Written in
Python, or in Cython, the function in between would stand in each of those; one written in C
adds 20 ns and no frame.
"""

cdef extern from *:
    """
    static PyObject *weft_open_path = NULL, *weft_open_fd = NULL;

    static PyObject *weft_open(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                               PyObject *names) {
        PyObject *file = nargs > 0 ? args[0] : NULL;
        Py_ssize_t count = file == NULL && names != NULL ? PyTuple_GET_SIZE(names) : 0;
        for (Py_ssize_t i = 0; i < count; i++)
            if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, i), "file") == 0)
                file = args[i];
        PyObject *chosen = file != NULL && PyLong_Check(file) ? weft_open_fd : weft_open_path;
        return PyObject_Vectorcall(chosen, args, nargs, names);
    }

    static PyMethodDef weft_open_def = {
        "open", (PyCFunction)(void (*)(void))weft_open, METH_FASTCALL | METH_KEYWORDS, NULL
    };

    static PyObject *weft_make_opener(PyObject *open, PyObject *open_fd, const char *doc) {
        Py_XSETREF(weft_open_path, Py_NewRef(open));
        Py_XSETREF(weft_open_fd, Py_NewRef(open_fd));
        weft_open_def.ml_doc = doc;
        PyObject *module = PyObject_GetAttrString(open, "__module__");
        PyObject *owner = PyObject_GetAttrString(open, "__self__");
        PyObject *made = NULL;
        if (module != NULL && owner != NULL)
            made = PyCFunction_NewEx(&weft_open_def, owner, module);
        Py_XDECREF(module);
        Py_XDECREF(owner);
        return made;
    }
    """
    object weft_make_opener(object open, object open_fd, const char* doc)

# CPython keeps the pointer.
cdef bytes doc = b""


def opener(native, open_fd):
    """A built-in function as ``native`` in all but that ``open_fd`` gets what is for a descriptor.

    There is one at a time: a second call changes what the first one's result does.

    Parks: never. Threads: any.
    """
    global doc
    doc = f"open{native.__text_signature__}\n--\n\n{native.__doc__}".encode()
    return weft_make_opener(native, open_fd, doc)
