# cython: binding=False
# As the builtins they stand for, these do not become methods in a class body.
"""``time.sleep`` for tasks, with the stdlib's errors; the clocks, which a test may have stopped.

The clocks are the stdlib's own until the calling thread has a virtual one.
Parks: ``sleep`` only.
"""

from operator import index
from time import monotonic as native_monotonic
from time import monotonic_ns as native_monotonic_ns
from time import perf_counter as native_perf_counter
from time import perf_counter_ns as native_perf_counter_ns
from time import sleep as native_sleep
from time import time as native_time
from time import time_ns as native_time_ns

from libc.math cimport ceil
from libc.stdint cimport int64_t

from weft._core cimport _clock
from weft._core._clock cimport now_ns, own_virtual_ns
from weft._core._hub cimport Hub, get_hub, peek_hub
from weft._core._sys cimport NSEC


def monotonic():
    """Seconds of a clock that never goes back; the one that deadlines are on."""
    cdef int64_t now = own_virtual_ns()
    return now / <double>NSEC if now else native_monotonic()


def monotonic_ns():
    """:func:`monotonic` in ns."""
    return own_virtual_ns() or native_monotonic_ns()


def perf_counter():
    """Seconds of the clock for measuring; on a virtual clock that of :func:`monotonic`."""
    cdef int64_t now = own_virtual_ns()
    return now / <double>NSEC if now else native_perf_counter()


def perf_counter_ns():
    """:func:`perf_counter` in ns."""
    return own_virtual_ns() or native_perf_counter_ns()


def time():
    """Seconds since 1970."""
    cdef int64_t now = own_virtual_ns()
    return (now + _clock.virtual_date) / <double>NSEC if now else native_time()


def time_ns():
    """:func:`time` in ns."""
    cdef int64_t now = own_virtual_ns()
    return now + _clock.virtual_date if now else native_time_ns()


def sleep(seconds, /):
    """Park the calling task for ``seconds``, never less; 0 lets the others run once.

    Raises:
      TypeError: ``seconds`` is neither a float nor an integer.
      ValueError: ``seconds`` is negative or not a number.
      OverflowError: ``seconds`` is more than 292 years.
      Cancelled: the task was cancelled.

    Parks: in a thread that has a hub. Woken by: the timer. Threads: any.
    """
    cdef Hub hub
    cdef int64_t now
    if peek_hub() == NULL:
        # An OS thread without tasks: there is nobody to let run, and no need for a poller.
        return native_sleep(seconds)
    cdef double ns
    ns = ceil(<double>(seconds if isinstance(seconds, float) else index(seconds)) * NSEC)
    if ns != ns:
        raise ValueError("Invalid value NaN (not a number)")
    if ns < 0:
        raise ValueError("sleep length must be non-negative")
    now = now_ns()
    if ns >= 0x7fffffffffffffff - now:
        raise OverflowError("timestamp too large to convert to C _PyTime_t")
    hub = get_hub()
    if ns == 0:
        hub.yield_now(hub.current)
    else:
        hub.park("sleep", None, now + <int64_t>ns, True)
