"""Pool: a number of places for tasks, kept for as long as the program likes.

Owns: the tasks that have a place. A caller parks in ``spawn`` while no place is free, and in
``join`` and at the end of a ``with`` block while a task is unfinished; a task that ends wakes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import update_wrapper
from types import TracebackType
from typing import Any, Literal, ParamSpec, Self, TypeVar, overload

from weft._core._api import now
from weft._core._crew import Crew
from weft._core._group import check_count
from weft._core._scope import shield
from weft._core._task import Task
from weft._fanout import Places, Results, caller_place, results_of

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Pool:
    """Runs at most ``size`` tasks at a time; for work that comes in as long as the program runs.

    Its tasks belong to no block: they outlive the function that spawned them, one that fails
    stops no other, and a failure is logged unless somebody asks for the task's result, as with
    :func:`weft.spawn`. Where all of them should end, or fail, together take
    ``weft.group(limit=...)``; to work through items, ``weft.map``, which needs no pool.

    A ``with`` block waits for the tasks at its end; it cancels them first if the block failed.
    A task that spawns into its own full pool waits for a place while it holds one: when all do,
    for ever.

    Args:
      size: how many tasks may run at once.

    Raises:
      TypeError: ``size`` is no integer.
      ValueError: ``size`` is less than 1.

    Example:
      >>> import weft
      >>> with weft.Pool(2) as pool:
      ...     tasks = [pool.spawn(pow, 2, n) for n in range(5)]
      >>> [task.result() for task in tasks]
      [1, 2, 4, 8, 16]
    """

    def __init__(self, size: int) -> None:
        check_count("size is how many tasks may run at once, at least 1", size)
        self.size = size
        place = caller_place()
        self._places = Places(size, "pool", place)
        self._crew = Crew("pool", place, self._places)

    @property
    def tasks(self) -> list[Task[Any]]:
        """Its unfinished tasks, oldest first."""
        return self._crew.tasks

    def spawn(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Task[R]:
        """Start ``fn(*args, **kwargs)`` as soon as there is a place; as :func:`weft.spawn`.

        Returns:
          The :class:`weft.Task`.

        Raises:
          Cancelled: the calling task was cancelled while it waited for a place.
          TypeError: ``fn`` cannot be called.

        Parks: while ``size`` tasks run. Woken by: the end of one. Threads: any.
        """
        place = caller_place()
        self._places.acquire()
        try:
            return self._crew.spawn(place, fn, args, kwargs)
        except BaseException:
            self._places.release()
            raise

    @overload
    def map(
        self,
        fn: Callable[[T], R],
        items: Iterable[T],
        ordered: bool = True,
        errors: Literal["raise"] = "raise",
    ) -> Results[R]: ...
    @overload
    def map(
        self,
        fn: Callable[[T], R],
        items: Iterable[T],
        ordered: bool = True,
        *,
        errors: Literal["return"],
    ) -> Results[R | Exception]: ...
    def map(
        self,
        fn: Callable[[T], Any],
        items: Iterable[T],
        ordered: bool = True,
        errors: str = "raise",
    ) -> Results[Any]:
        """:func:`weft.map` whose calls take places of this pool, along with its other tasks.

        The calls belong to the iterator, not to the pool: ``join`` does not wait for them.

        Parks, woken by, threads: as :func:`weft.map`.
        """
        places = self._places

        def call(item: T) -> Any:
            with places:
                return fn(item)

        # The tasks shall have the name of what they call.
        update_wrapper(call, fn, assigned=("__qualname__",), updated=())
        return results_of(call, items, self.size, ordered, errors, False, caller_place())

    def join(self, seconds: float | None = None) -> bool:
        """Wait until no task is left, those spawned meanwhile included.

        Args:
          seconds: give up after so long; None waits for ever.

        Returns:
          Whether none is left.

        Raises:
          TaskError: called by a task of the pool.
          Cancelled: the calling task was cancelled.

        Parks: while a task is unfinished. Woken by: its end, or the deadline. Threads: any.
        """
        deadline = None if seconds is None else now() + seconds
        while (task := self._crew.oldest()) is not None:
            if not task.join(None if deadline is None else deadline - now()):
                return False
        return True

    def cancel(self, msg: str | None = None) -> None:
        """Cancel every task there is; the pool goes on.

        Parks: never. Threads: any.
        """
        self._crew.cancel_each(caller_place(), msg)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if exc is None:
                self.join()
        except BaseException as stopped:
            exc = stopped
            raise
        finally:
            if exc is not None:
                self._crew.cancel_each(caller_place(), f"the block of the pool ended: {exc!r}")
                with shield():
                    self.join()

    def __repr__(self) -> str:
        return f"<weft.Pool of {self.size}, {len(self.tasks)} tasks>"
