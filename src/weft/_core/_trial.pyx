"""What tests may do to a hub: let tasks run in a seeded order, put a virtual clock in place.

Owns nothing; works on the calling thread's hub. Nothing here parks. Stands
beneath weft.testing, which says what it is for.
"""

from libc.stdint cimport uint64_t

from weft._core cimport _clock
from weft._core._hub cimport Hub, get_hub
from weft._core._sys cimport weft_now_ns
from weft._core._waits cimport run_out_of_breath

from weft._errors import TaskError


def shuffle(seed):
    """Have this hub run its ready tasks in an order that ``seed`` decides; None ends that.

    A running task may also lose its turn at each operation that could park.

    Returns:
      The state of the order so far, None if there was none; pass it to go back to it.
    """
    cdef Hub hub = get_hub()
    cdef uint64_t before = hub.shuffle
    if seed is None:
        hub.shuffle = 0
    else:
        # splitmix64, so that neighbouring seeds have nothing in common; xorshift needs a bit set.
        hub.shuffle = spread(<uint64_t>(seed & 0xffffffffffffffff)) | 1
        run_out_of_breath()
        hub.operations = 1
    return before if before else None


cdef uint64_t spread(uint64_t z) noexcept:
    """splitmix64's mixing step (G. Steele et al., "Fast splittable pseudorandom generators")."""
    z += <uint64_t>0x9e3779b97f4a7c15
    z = (z ^ (z >> 30)) * <uint64_t>0xbf58476d1ce4e5b9
    z = (z ^ (z >> 27)) * <uint64_t>0x94d049bb133111eb
    return z ^ (z >> 31)


def stop_clock():
    """Put a virtual clock in place of the real one: it jumps when every task here parks.

    Raises:
      TaskError: there is one already.
    """
    if _clock.virtual_ns:
        raise TaskError("there is a virtual clock already; the process can have one at a time")
    _clock.virtual_ns = weft_now_ns()
    get_hub().keeps_time = True


def start_clock():
    """Go back to the real clock. What was to happen at a virtual time happens at that real time.

    Raises:
      TaskError: the virtual clock is not this thread's.
    """
    cdef Hub hub = get_hub()
    if not hub.keeps_time:
        raise TaskError("the virtual clock was started in another thread, or not at all")
    hub.keeps_time = False
    _clock.virtual_ns = 0


def advance(double seconds):
    """Move this thread's virtual clock on by ``seconds``, without waiting for anything."""
    if not get_hub().keeps_time:
        raise TaskError("the virtual clock was started in another thread, or not at all")
    _clock.virtual_ns += <long long>(seconds * 1e9)


def virtual_now():
    """Seconds on the virtual clock, None when the real one is in place."""
    return _clock.virtual_ns / 1e9 if _clock.virtual_ns else None
