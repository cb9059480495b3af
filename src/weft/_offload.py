"""Runs blocking calls in OS threads, while the calling task parks.

Owns nothing: the threads are the pool's in ``_core``, which grows with demand and shrinks soon
after. ``run`` parks; the thread that made the call wakes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from weft._core._pool import call_in_thread

P = ParamSpec("P")
T = TypeVar("T")


def run(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what ``function(*args, **kwargs)`` returns, called in an OS thread.

    Calls are started in the order they were asked for, at most 128 at a time. A cancelled task
    leaves at once; a call that has been started goes on, and what comes of it is dropped.

    Raises:
      BaseException: what the call raised, with the traceback into it.
      RuntimeError: the system has no more threads.
      Cancelled: the task was cancelled.

    Parks: always. Woken by: the end of the call. Threads: any.

    Example:
      >>> from weft import _offload
      >>> _offload.run(sum, [1, 2, 3])
      6
    """
    return call_in_thread(function, args, kwargs or None)
