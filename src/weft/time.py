"""Green ``time``: ``sleep`` parks the task; the rest is the stdlib's.

Example:
  >>> import weft.time
  >>> weft.time.sleep(0.001)
"""

import time as _stdlib
from time import *  # noqa: F403

from weft._core._local import native_ident as _native_ident
from weft._core._time import sleep as sleep

if hasattr(_stdlib, "pthread_getcpuclockid"):
    _native_getcpuclockid = _stdlib.pthread_getcpuclockid

    def pthread_getcpuclockid(thread_id: int, /) -> int:
        """The CPU-time clock of an OS thread; a task's identity stands for the thread it runs in.

        Parks: never.
        """
        return _native_getcpuclockid(_native_ident(thread_id))
