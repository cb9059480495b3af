"""Green ``time``: ``sleep`` parks the task; the rest is the stdlib's.

The clocks are the stdlib's own too, unless :func:`weft.testing.virtual_time` has stopped them.

Example:
  >>> import weft.time
  >>> weft.time.sleep(0.001)
"""

import time as _stdlib
from time import *  # noqa: F403

from weft._core._local import native_ident as _native_ident
from weft._core._time import monotonic as monotonic
from weft._core._time import monotonic_ns as monotonic_ns
from weft._core._time import perf_counter as perf_counter
from weft._core._time import perf_counter_ns as perf_counter_ns
from weft._core._time import sleep as sleep
from weft._core._time import time as time
from weft._core._time import time_ns as time_ns

if hasattr(_stdlib, "pthread_getcpuclockid"):
    _native_getcpuclockid = _stdlib.pthread_getcpuclockid

    def pthread_getcpuclockid(thread_id: int, /) -> int:
        """The CPU-time clock of an OS thread; a task's identity stands for the thread it runs in.

        Parks: never.
        """
        return _native_getcpuclockid(_native_ident(thread_id))
