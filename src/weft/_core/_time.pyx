# cython: binding=False
# As the builtin it stands for, sleep does not become a method in a class body.
"""``time.sleep`` for tasks, with the stdlib's errors."""

from operator import index
from time import sleep as native_sleep

from libc.math cimport ceil
from libc.stdint cimport int64_t

from weft._core._clock cimport now_ns
from weft._core._hub cimport Hub, get_hub, peek_hub
from weft._core._sys cimport NSEC


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
