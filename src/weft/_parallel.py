"""Runs CPU work in other processes, while the calling task parks.

Owns nothing: the processes are those of :mod:`weft._processes`. What a call and its answer become
on the way stands here; what the other side makes of it, in :mod:`weft._worker`.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, ParamSpec, TypeVar

from weft import _processes, _worker
from weft._errors import TaskError
from weft._fanout import caller_place, results_of
from weft._worker import ERROR, load, name_of, told_of

P = ParamSpec("P")
T = TypeVar("T")
Item = TypeVar("Item")


def parallel(fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what ``fn(*args, **kwargs)`` returns, called in another process; other tasks go on.

    For Python code that computes: as many calls run at once as there are CPUs, further ones wait
    their turn, first come first served. The processes are started at the first calls, used again,
    and end with the program, however that ends. Inside of one, ``parallel`` calls ``fn`` itself.

    ``fn``, its arguments and what it returns or raises travel by :mod:`pickle`: ``fn`` must stand
    at the top level of a module. If that is the program's own file, the process imports it, so
    what the program *does* must stand under ``if __name__ == "__main__":``.

    A cancelled task leaves at once, and the process that makes its call is killed.

    Raises:
      BaseException: what the call raised; its cause shows the traceback in the other process.
      WorkerDied: the process ended in the middle of the call. The next call gets a new one.
      PicklingError: ``fn``, an argument or the result cannot be pickled.
      UnpicklingError: one of them can, but not be loaded on the other side.
      TypeError: ``fn`` cannot be called.
      OSError: the system has no more processes or descriptors.
      TaskError: called while a process imports the program.
      Cancelled: the task was cancelled.

    Parks: always, but in a worker. Woken by: the end of the call, or of the process. Threads: any.

    Example:
      >>> import math, weft
      >>> len(str(weft.parallel(math.factorial, 1000)))
      2568
    """
    if not callable(fn):
        raise TypeError(f"parallel() needs something to call, got {fn!r}")
    refuse_during_import()
    if _worker.serving:
        return fn(*args, **kwargs)
    call = pickled(fn, args, kwargs)
    value: T = value_of(fn, _processes.ask(fn, call))
    return value


def parallel_map(
    fn: Callable[[Item], T], items: Iterable[Item], limit: int | None = None
) -> Iterator[T]:
    """Call ``fn`` with each of ``items`` in other processes; iterate over results, in their order.

    This is :func:`weft.map` over :func:`parallel`: lazy, with never more than ``limit`` calls and
    results held. The first failure is raised in its place and cancels the rest, as does leaving
    the loop; a call that is cancelled loses its process.

    Args:
      fn: as for :func:`parallel`, called with one argument.
      items: any iterable, endless ones too.
      limit: how many may be under way, or done and not taken; None for as many as there are CPUs.

    Raises:
      ValueError: ``limit`` is below 1.
      TypeError: ``fn`` cannot be called, or ``items`` not iterated.
      TaskError: called while a process imports the program.

    Parks: never itself; ``next()`` until there is a result. Woken by: the end of a call.
    Threads: any.

    Example:
      >>> import math, weft
      >>> list(weft.parallel_map(math.isqrt, [16, 25, 36]))
      [4, 5, 6]
    """
    if not callable(fn):
        raise TypeError(f"parallel_map() needs something to call, got {fn!r}")
    refuse_during_import()
    call: Callable[[Item], T] = partial(parallel, fn)  # type: ignore[call-arg]
    at_once = _processes.CPUS if limit is None else limit
    return results_of(call, items, at_once, True, "raise", False, caller_place())


def refuse_during_import() -> None:
    """Each process that imports the program would otherwise start processes that import it."""
    process = sys.modules.get("multiprocessing.process")
    if process is not None and getattr(process.current_process(), "_inheriting", False):
        raise TaskError(
            "weft.parallel was called while another process imports this program; put what the "
            "program does, but for its definitions, under if __name__ == '__main__':"
        )


# -- what travels ------------------------------------------------------------------------


class RemoteTraceback(Exception):
    """The traceback that an exception had in the worker."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


def pickled(
    fn: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]
) -> bytes:
    try:
        return pickle.dumps((fn, args, kwargs), pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        why = (
            "an argument cannot be pickled"
            if can_be_pickled(fn)
            else "only a function at the top level of a module is found there"
        )
        raise pickle.PicklingError(
            f"cannot call {name_of(fn)} in another process: {why}: {told_of(error)}"
        ) from error


def can_be_pickled(fn: object) -> bool:
    try:
        pickle.dumps(fn, pickle.HIGHEST_PROTOCOL)
    except Exception:
        return False
    return True


def value_of(fn: object, answer: bytearray) -> Any:
    """What the call returned; raises what it raised."""
    kind, content = answer[:1], memoryview(answer)[1:]
    try:
        value = load(content)
    except Exception as error:
        told = f"what {name_of(fn)} returned cannot be loaded here: {told_of(error)}"
        raise pickle.UnpicklingError(told) from error
    if kind != ERROR:
        return value
    exception, text = value
    raise loaded(fn, exception) from RemoteTraceback(text)


def loaded(fn: object, exception: bytes) -> BaseException:
    try:
        error: BaseException = load(exception)
    except Exception as unloadable:
        told = f"what {name_of(fn)} raised cannot be loaded here: {told_of(unloadable)}"
        error = pickle.UnpicklingError(told)
    return error
