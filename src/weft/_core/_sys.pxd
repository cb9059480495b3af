"""What the kernel, libc and CPython's thread state give the core."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef extern from *:
    """
    #include <errno.h>
    #include <stdint.h>
    #include <time.h>

    #if PY_VERSION_HEX >= 0x030C0000 && !defined(Py_C_RECURSION_LIMIT)
    #define Py_C_RECURSION_LIMIT C_RECURSION_LIMIT   /* its name before 3.12.3 */
    #endif

    static inline int64_t weft_now_ns(void) {
        struct timespec ts;
        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
    }

    /* A greenlet inherits the recursion depth of the place that starts it;
       a task starts from zero, whatever depth its hub was made at. */
    static inline void weft_reset_recursion(void) {
        PyThreadState *ts = PyThreadState_Get();
    #if PY_VERSION_HEX >= 0x030C0000
        ts->py_recursion_remaining = ts->py_recursion_limit;
    #if PY_VERSION_HEX < 0x030E0000
        ts->c_recursion_remaining = Py_C_RECURSION_LIMIT;
    #endif
    #else
        ts->recursion_remaining = ts->recursion_limit;
    #endif
    }

    /* The interpreter is going down: only C code may still run. */
    static inline int weft_finalizing(void) {
    #if PY_VERSION_HEX >= 0x030D0000
        return Py_IsFinalizing();
    #else
        return _Py_IsFinalizing();
    #endif
    }

    /* The running context if it holds anything, borrowed, else NULL: an empty
       context need not be copied, a greenlet makes itself one when it sets a variable. */
    static inline PyObject *weft_context(void) {
        PyObject *context = PyThreadState_Get()->context;
        if (context != NULL && PyObject_Size(context) == 0)
            return NULL;
        return context;
    }

    /* The raised exception as one object with its traceback set, or NULL. */
    static inline PyObject *weft_take_exception(void) {
    #if PY_VERSION_HEX >= 0x030C0000
        return PyErr_GetRaisedException();
    #else
        PyObject *type, *value, *tb;
        PyErr_Fetch(&type, &value, &tb);
        if (type == NULL)
            return NULL;
        PyErr_NormalizeException(&type, &value, &tb);
        if (tb != NULL) {
            PyException_SetTraceback(value, tb);
            Py_DECREF(tb);
        }
        Py_DECREF(type);
        return value;
    #endif
    }

    /* Sets exc as raised. Adds no frame of ours to its traceback. */
    static inline void weft_set_exception(PyObject *exc) {
        Py_INCREF(exc);
    #if PY_VERSION_HEX >= 0x030C0000
        PyErr_SetRaisedException(exc);
    #else
        PyObject *type = Py_NewRef((PyObject *)Py_TYPE(exc));
        PyErr_Restore(type, exc, PyException_GetTraceback(exc));
    #endif
    }
    """
    int64_t weft_now_ns() noexcept nogil
    void weft_reset_recursion() noexcept
    bint weft_finalizing() noexcept
    PyObject* weft_context() noexcept
    PyObject* weft_take_exception() noexcept
    void weft_set_exception(object exc) noexcept

cdef extern from "<unistd.h>" nogil:
    int c_close "close"(int fd)
    ssize_t c_read "read"(int fd, void* buf, size_t count)
    ssize_t c_write "write"(int fd, const void* buf, size_t count)

cdef extern from "<poll.h>" nogil:
    struct pollfd:
        int fd
        short events
        short revents
    int c_poll "poll"(pollfd* fds, unsigned long nfds, int timeout)
    enum: POLLIN, POLLPRI, POLLOUT, POLLERR, POLLHUP, POLLNVAL

cdef extern from "<sys/socket.h>" nogil:
    ssize_t c_recv "recv"(int fd, void* buf, size_t count, int flags)
    ssize_t c_send "send"(int fd, const void* buf, size_t count, int flags)
    enum: AF_INET, AF_INET6, SOCK_STREAM

# A deadline that never comes, in nanoseconds of the monotonic clock.
cdef enum:
    NSEC = 1000000000

cdef inline int64_t forever() noexcept nogil:
    return <int64_t>0x7fffffffffffffff
