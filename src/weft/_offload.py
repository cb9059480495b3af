"""Runs blocking calls in OS threads, while the calling task parks.

Owns nothing: the threads are the pool's in ``_core``, which grows with demand and shrinks soon
after. ``offload`` and ``run`` park; the thread that made the call wakes them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from typing import ParamSpec, TypeVar

from weft._core._pool import call_in_thread

P = ParamSpec("P")
T = TypeVar("T")


def offload(fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what ``fn(*args, **kwargs)`` returns, called in an OS thread; other tasks go on.

    For what blocks in C, where nothing can be made cooperative: a database driver, a file on
    a slow disk, a hash over a gigabyte. Pure Python code that only computes shares the GIL with
    everything else; :func:`weft.parallel` is for that.

    Calls are started in the order they were asked for, at most 128 at a time in the process,
    name look-ups among them. ``fn`` sees the caller's contextvars; what it sets is its own. It
    may use weft: a hub it makes in its thread ends with the call.

    A cancelled task leaves at once. A call that has been started goes on, and what comes of it is
    dropped; one that has not is never made.

    Args:
      fn: anything callable from another thread.

    Raises:
      BaseException: what the call raised, with the traceback into it.
      TypeError: ``fn`` cannot be called.
      RuntimeError: the system has no more threads.
      Cancelled: the task was cancelled.

    Parks: always. Woken by: the end of the call. Threads: any.

    Example:
      >>> import hashlib, weft
      >>> weft.offload(hashlib.sha256, b"weft").hexdigest()[:8]
      'e627e223'
    """
    if not callable(fn):
        raise TypeError(f"offload() needs something to call, got {fn!r}")
    return call_in_thread(fn, args, kwargs or None, copy_context())


def run(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """:func:`offload` for C functions, which see no contextvars: none are copied.

    Example:
      >>> from weft import _offload
      >>> _offload.run(sum, [1, 2, 3])
      6
    """
    return call_in_thread(function, args, kwargs or None)
