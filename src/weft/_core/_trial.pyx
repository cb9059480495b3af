"""What tests may do to a hub: make it as new, run tasks in a seeded order, stop the clock.

Owns nothing; works on the calling thread's hub. Stands beneath weft.testing,
which says what it is for. Nothing here parks but ``settle``.
"""

from time import time_ns

from libc.stdint cimport int64_t, uint64_t

from weft._core cimport _clock, _hub, _task
from weft._core._clock cimport now_ns, own_virtual_clock, own_virtual_ns
from weft._core._hub cimport Hub, get_hub, live_tasks, spread
from weft._core._poller cimport Poller
from weft._core._sys cimport NSEC, weft_now_ns
from weft._core._task cimport Canceller, Task
from weft._core._waitlist cimport list_empty, node_init, node_linked, node_unlink
from weft._core._waits cimport run_out_of_breath

from weft._errors import Cancelled, TaskError

cdef int64_t SECOND = 1000000000         # ns
# Where a clock starts that is to show the same times in every run: late enough for "not in the
# last day", early enough for a float to hold picoseconds; and the first day of the year 2000.
cdef int64_t FIXED_START = 100000 * SECOND
cdef int64_t FIXED_DATE = 946684800 * SECOND


# How long an order of the tasks lasts, in picks; each seed has one of them.
cdef uint64_t[4] CONSTANCIES = [1, 1, 8, 64]


def shuffle(seed):
    """Have this hub run its ready tasks in an order that ``seed`` decides; None ends that.

    A running task may also lose its turn at each operation that could park.
    """
    cdef Hub hub = get_hub()
    if seed is None:
        hub.shuffle = 0
        return
    # splitmix64, so that neighbouring seeds have nothing in common; xorshift needs a bit set.
    hub.shuffle = spread(<uint64_t>(seed & 0xffffffffffffffff)) or 1
    # With random ranks a task may be kept waiting through a long run of others, which an
    # even choice hardly ever does (S. Burckhardt et al., "A randomized scheduler with
    # probabilistic guarantees of finding bugs"); an order that lasts for one pick is even.
    hub.constancy = CONSTANCIES[hub.random() & 3]
    hub.order = hub.random()
    hub.last_stranger = _task.last_id
    run_out_of_breath()
    # The next turn of the hub must come where it does in every run with this seed.
    hub.operations = hub.handoffs = 0


def stop_clock(bint fixed=False):
    """Put a virtual clock in place of this thread's real one: it jumps when every task here parks.

    Timers that are armed keep the time they had left. Other threads keep the real clock.

    Args:
      fixed: whether it starts at the same time whenever that is; else at the next whole second.

    Raises:
      TaskError: there is one already.
    """
    cdef Hub hub = get_hub()
    cdef int64_t now = weft_now_ns()
    cdef int64_t start = FIXED_START if fixed else (now // SECOND + 1) * SECOND
    if _clock.virtual_ns:
        raise TaskError("there is a virtual clock already, and a process can have one at a time: "
                        "virtual_time(), schedule() and explore() do not nest")
    _clock.virtual_date = (FIXED_DATE if fixed else <int64_t>time_ns() + start - now) - start
    hub.timers.shift(start - now)
    own_virtual_clock(True)
    _clock.virtual_ns = start
    hub.keeps_time = True
    hub.turn_end = hub.slice_end = hub.doubt = 0


def start_clock():
    """Go back to the real clock. Timers that are armed keep the time they had left.

    Raises:
      TaskError: the virtual clock is not this thread's.
    """
    cdef Hub hub = require_clock()
    hub.keeps_time = False
    hub.timers.shift(weft_now_ns() - _clock.virtual_ns)
    own_virtual_clock(False)
    _clock.virtual_ns = 0
    hub.turn_end = hub.slice_end = 0


def advance(double seconds):
    """Move this thread's virtual clock on by ``seconds``, without waiting for anything.

    Raises:
      ValueError: ``seconds`` is negative, not a number, or more than 292 years.
      TaskError: the virtual clock is not this thread's.
    """
    require_clock()
    if not 0 <= seconds < <double>(0x7fffffffffffffff - _clock.virtual_ns) / NSEC:
        raise ValueError(f"a clock is advanced by 0 seconds or more, got {seconds!r}")
    _clock.virtual_ns += <int64_t>(seconds * NSEC + 0.5)


cdef Hub require_clock():
    cdef Hub hub = get_hub()
    if not hub.keeps_time:
        raise TaskError("the virtual clock is another thread's, or there is none any more")
    return hub


def virtual_now():
    """Seconds on this thread's virtual clock, None when the real one is in place."""
    cdef int64_t now = own_virtual_ns()
    return now / <double>NSEC if now else None


def settle():
    """Park until this hub has done the chores that are due, so that none runs in a trial.

    Parks: if there are any. Woken by: a timer.
    """
    cdef Hub hub = get_hub()
    while hub.chores_due():
        hub.park("settle", None, now_ns() + 1, False)


def own_tasks():
    """The unfinished tasks of this hub, oldest first, without its main task."""
    return live_tasks(get_hub())


def on_failures(function):
    """Have ``function(list of (text, exception))`` called, in a task, in place of logging failures
    that nobody asked for.

    Returns:
      What was called so far; pass it to go back to it.
    """
    before = _hub.report_failures
    _hub.report_failures = function
    return before


def renew():
    """Make this hub as one just made, but for its main task, which keeps its values.

    It gets a poller of its own, no descriptor is known, all counts begin at zero, and a
    cancellation that the main task has not come to is dropped.

    Returns:
      False, with nothing done, if tasks or deadlines from before are on it.

    Raises:
      OSError: there are no descriptors left for a poller; the hub stays as it was.
    """
    cdef Hub hub = get_hub()
    cdef Poller before = hub.poller
    if (hub.current is not hub.main or hub.live_count or hub.timers.size or hub.keeps_time
            or not list_empty(&hub.ready) or not list_empty(&hub.inbox)):
        return False
    if node_linked(&hub.signal_node):
        node_unlink(&hub.signal_node)
    node_init(&hub.signal_node, NULL)
    try:
        hub.start()
    except BaseException:
        hub.poller = before
        hub.watch_signals()
        raise
    before.close(False)
    hub.turn_end = hub.slice_end = 0
    hub.handoffs = hub.operations = hub.doubt = 0
    hub.switches = hub.doubt_mark = hub.passes = 0
    drop_cancellations(hub.main)
    return True


cdef int drop_cancellations(Task task) except -1:
    left = [each for each in task.requests or () if not isinstance(each, (Cancelled, Canceller))]
    task.requests = left or None
    return 0


def pulse(Task task not None):
    """A number that grows while the thread of ``task`` runs tasks; None if it waits for events.

    Parks: never. Threads: any.
    """
    cdef Hub hub = <Hub>task.hub
    return None if hub.sleeping else hub.switches + hub.passes
