# cython: binding=False
# As the builtins they stand for, these functions do not become methods in a class body.
"""Identity and values of the caller: the running task, or the OS thread itself.

Owns: ``get_ident`` and ``local``. Must not know: locks, threads as Python
sees them. Nothing here parks.

A main task is its OS thread: it has the thread's own identity, and its values
lie in the thread state's dictionary, as they did before the thread had a hub.
Any other task is known by its address, which no ``pthread_t`` of a live
thread can equal, and keeps its values in ``Task.locals``.

No function here makes a hub: they are called in threads that have nothing to
do with weft, and by whatever runs while a hub is being made.
"""

from cpython.dict cimport PyDict_GetItemWithError
from cpython.object cimport PyObject
from cpython.pystate cimport PyThreadState_GetDict

cimport cython

from weft._core._greenlet cimport PyGreenlet_Import, PyGreenlet_STARTED
from weft._core._hub cimport Hub, hubs_of_process, live_tasks, peek_hub
from weft._core._task cimport Task
from weft._core._waitlist cimport (
    WaitNode,
    list_init,
    node_append,
    node_init,
    node_pop,
    node_unlink,
)

PyGreenlet_Import()

cdef extern from "Python.h":
    unsigned long PyThread_get_thread_ident() noexcept
    Py_ssize_t Py_REFCNT(PyObject* o) noexcept
    PyObject* borrowed_item "PyDict_GetItemWithError"(PyObject* d, object key) noexcept
    # With the dictionary given instead of the object's own; NULL deletes.
    object _PyObject_GenericGetAttrWithDict(object self, object name, dict values, int suppress)
    int _PyObject_GenericSetAttrWithDict(
        object self, object name, PyObject* value, dict values) except -1

cdef str LOCALS = "weft.locals"


def green_task():
    """The running task; None in a main task, in a hub and in a thread without one."""
    return running()


cdef Task running():
    cdef PyObject* hub = peek_hub()
    cdef Task task
    if hub == NULL:
        return None
    task = (<Hub>hub).current
    if task is None or stands_for_thread(task):
        return None
    return task


cdef bint stands_for_thread(Task task) noexcept:
    # In a forked child the main task is one that was like any other, and runs on its own stack.
    return task.is_main and task.hub is not None and not PyGreenlet_STARTED(<PyObject*>task)


cdef unsigned long caller() noexcept:
    cdef PyObject* hub = peek_hub()
    cdef Task task
    if hub == NULL:
        return PyThread_get_thread_ident()
    task = (<Hub>hub).current
    if task is None:
        return (<Hub>hub).ident
    return ident_of(task)


cdef unsigned long ident_of(Task task) noexcept:
    if stands_for_thread(task):
        return (<Hub>task.hub).ident
    return <unsigned long><void*>task


def get_ident():
    """A number that no other task or thread alive has: ``threading.get_ident`` for tasks.

    The main task of an OS thread has the thread's own. Numbers are used again
    once their task has ended.

    Parks: never. Threads: any; makes no hub.
    """
    return caller()


def ident(Task task not None):
    """What :func:`get_ident` returns in ``task``."""
    return ident_of(task)


def native_ident(unsigned long number):
    """The identity of the OS thread that runs the task which has ``number``.

    Returns:
      ``number`` itself when no task has it: it is an OS thread's already.
    """
    cdef Hub hub
    for each in hubs_of_process():
        hub = <Hub>each
        if ident_of(hub.main) == number:
            return hub.ident
        for task in live_tasks(hub):
            if ident_of(<Task>task) == number:
                return hub.ident
    return number


def forget_locals():
    """Drop every value that the running task has in any :class:`local`, as its end would."""
    cdef Task task = running()
    if task is not None:
        task.locals = None


cdef dict storage():
    """Where the caller's values lie: a slot for each local, by its key."""
    cdef Task task = running()
    cdef PyObject* state
    cdef PyObject* found
    if task is not None:
        if task.locals is None:
            task.locals = {}
        return task.locals
    state = PyThreadState_GetDict()
    if state == NULL:
        raise MemoryError
    found = borrowed_item(state, LOCALS)
    if found == NULL:
        (<dict>state)[LOCALS] = {}
        found = borrowed_item(state, LOCALS)
    return <dict>found


@cython.final
cdef class _Slot:
    """A task's share in a ``local``; dies with its storage, and takes the values along."""

    def __cinit__(self):
        node_init(&self.link, <PyObject*>self)

    def __dealloc__(self):
        cdef dict values
        if self.owner != NULL:
            node_unlink(&self.link)
            values = (<local>self.owner).values
            if values is not None:
                values.pop(<unsigned long><void*>self, None)


cdef class local:
    """Values that each task, and each OS thread, has of its own: ``threading.local`` for tasks.

    They are dropped when the task ends, or this object is. A subclass may
    define ``__init__``; it runs anew, with the same arguments, in each task
    that touches the object.

    Example:
      >>> import weft
      >>> seen = weft.local()
      >>> seen.page = 1
      >>> weft.spawn(hasattr, seen, "page").result()
      False
    """

    def __cinit__(self, *args, **kwargs):
        list_init(&self.slots)
        if (args or kwargs) and type(self).__init__ is object.__init__:
            raise TypeError("Initialization arguments are not supported")
        self.args = args
        self.kwargs = kwargs
        self.key = <unsigned long><void*>self
        self.values = {}
        add_slot(self, storage())

    def __dealloc__(self):
        cdef WaitNode* node = node_pop(&self.slots)
        cdef _Slot slot
        while node != NULL:
            slot = <_Slot>node.waiter
            slot.owner = NULL
            # A storage that is being destroyed lets go of its slots itself.
            if Py_REFCNT(slot.home) > 0:
                # The garbage collector may have taken self.key already.
                (<dict>slot.home).pop(<unsigned long><void*>self, None)
            node = node_pop(&self.slots)

    cdef dict here(self):
        """The values of the caller, initialised."""
        cdef dict home = storage()
        cdef PyObject* found
        if self.values is None:
            raise ReferenceError("this local is being destroyed")
        found = PyDict_GetItemWithError(home, self.key)
        if found != NULL:
            return <dict>(<_Slot>found).found
        slot = add_slot(self, home)
        if type(self).__init__ is not object.__init__:
            try:
                type(self).__init__(self, *self.args, **self.kwargs)
            except BaseException:
                home.pop(self.key, None)
                raise
        return <dict>slot.found

    def __getattribute__(self, name):
        cdef dict values = self.here()
        cdef PyObject* found
        if name == "__dict__":
            return values
        if type(self) is local:
            # Nothing else the class has is asked for, as a rule.
            found = borrowed_item(<PyObject*>values, name)
            if found != NULL:
                return <object>found
        return _PyObject_GenericGetAttrWithDict(self, name, values, 0)

    def __setattr__(self, name, value):
        cdef dict values = self.here()
        refuse_dict(self, name)
        _PyObject_GenericSetAttrWithDict(self, name, <PyObject*>value, values)

    def __delattr__(self, name):
        cdef dict values = self.here()
        refuse_dict(self, name)
        _PyObject_GenericSetAttrWithDict(self, name, NULL, values)


cdef int refuse_dict(local self, object name) except -1:
    if name == "__dict__":
        raise AttributeError(
            f"{type(self).__name__!r} object attribute '__dict__' is read-only")
    return 0


cdef _Slot add_slot(local self, dict home):
    cdef _Slot slot = _Slot.__new__(_Slot)
    cdef dict values = {}
    self.values[<unsigned long><void*>slot] = values
    slot.found = <PyObject*>values
    slot.home = <PyObject*>home
    home[self.key] = slot
    slot.owner = <PyObject*>self
    node_append(&self.slots, &slot.link)
    return slot
