"""Many calls at once: map over items, gather them all, or take the first that succeeds.

Owns: the order of results, and what becomes of the other calls when one fails or the caller
leaves. Each call is a task of a crew (``_core/_crew.pyx``). A caller parks in ``next()`` of a
map, in ``gather`` and ``first``; a call that ends wakes it.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from itertools import islice
from types import CodeType
from typing import Any, Literal, NoReturn, TypeVar, overload

from weft._core._crew import Crew
from weft._core._group import check_count
from weft._core._scope import shield
from weft._core._semaphore import Semaphore
from weft._core._task import Task
from weft._errors import Cancelled, TaskError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from weft._progress import Bar

    Place = tuple[CodeType, int]  # code object and bytecode offset

T = TypeVar("T")
R = TypeVar("R")

NOTED = 10  # of the other failures, as many are named in the notes of the one that is raised


class Places(Semaphore):
    """How many tasks of a pool or map may run; a report calls it by the place where that was made.

    Args:
      what: "pool" or "map".
    """

    def __init__(self, count: int, what: str, place: Place) -> None:
        super().__init__(count)
        self._what = what
        self._place = place

    @property
    def name(self) -> str:
        """As ``the pool at app.py:3 in main``."""
        probe = Cancelled()
        probe.where = self._place
        return f"the {self._what} at {probe.place}"


class Results(Iterator[R]):
    """What ``weft.map`` returns: an iterator over results, which makes the calls meanwhile.

    To be taken from by one task at a time. Nothing of it is referenced by the tasks, so that
    it is destroyed, and they are cancelled, as soon as nobody can ask for results any more.
    """

    _over = True  # nothing is left to stop; so it is until __init__ has come to its end

    def __init__(
        self,
        fn: Callable[[T], R],
        items: Iterator[T],
        limit: int,
        order: deque[Task[R]] | None,
        failures_returned: bool,
        bar: Bar | None,
        place: Place,
    ) -> None:
        self._crew = Crew("map", place)
        self._places = Places(limit, "map", place)  # how many more may be in flight
        self._order = order  # unordered: None
        self._arrived: set[Task[R]] = set()  # ordered: taken, but not at the head yet
        self._failures_returned = failures_returned
        self._bar = bar
        self._feeder: Task[None] | None = None  # takes the items; from the first next() on
        self._to_begin: tuple[Any, ...] | None = (place, fn, items)
        self._over = False

    def __next__(self) -> R:
        """The next result.

        Parks: until there is one. Woken by: the end of a call. Threads: any.
        """
        if self._over:
            raise StopIteration
        if self._to_begin is not None:
            self._begin()
        task = self._take() if self._order is None else self._take_in_order(self._order)
        if task is None or self._over:  # closed by another task meanwhile
            self._end()
        self._places.release()
        if task.exception is None:
            return task.result()
        if self._failures_returned and isinstance(error := failure_of(task), Exception):
            return error  # type: ignore[return-value]  # the overloads of map tell
        others = self._stop(reason_of(task))
        raise noted(task, [*self._arrived, *others])

    def close(self) -> None:
        """Cancel the calls in flight and wait until they have ended.

        Needed only to wait: a map that nobody refers to any more is cancelled.

        Parks: while a call is in flight. Threads: any.
        """
        self._to_begin = None
        if not self._over:
            self._stop("its results were closed")

    def __del__(self) -> None:
        # Anywhere, perhaps in a garbage collection: only asks them to stop.
        if not self._over:
            self._crew.abandon("nobody takes its results any more")

    def _begin(self) -> None:
        place, *what = self._to_begin or ()
        self._to_begin = None
        self._feeder = self._crew.spawn(
            place, feed, (self._crew, self._places, self._order, place, *what)
        )
        self._feeder.name = f"items of map-{self._feeder.id}"

    def _take(self) -> Task[R] | None:
        """Wait for a call to end; None when all have and there are no more items."""
        try:
            task = self._crew.take()
            if task is self._feeder:
                task = self._crew.take()
        except TaskError:
            raise  # this call was wrong; nothing has changed
        except BaseException:
            self._stop("whoever took its results was stopped")
            raise
        if self._bar is not None and task is not None:
            self._bar.update()
        return task

    def _take_in_order(self, order: deque[Task[R]]) -> Task[R] | None:
        """Wait for the call whose turn it is; what ends before its turn stays in ``_arrived``."""
        while not (order and order[0] in self._arrived):
            task = self._take()
            if task is None:
                return None
            if task is order[0]:
                return order.popleft()
            self._arrived.add(task)
            if not self._failures_returned and task.exception is not None:
                self._give_up_after(task, order)
        self._arrived.remove(order[0])
        return order.popleft()

    def _give_up_after(self, failed: Task[R], order: deque[Task[R]]) -> None:
        """Nobody will see what comes after ``failed``: stop it; what comes before goes on."""
        later = islice(order, order.index(failed) + 1, None)
        feeder = [] if self._feeder is None else [self._feeder]
        self._crew.cancel(reason_of(failed), [*feeder, *later])

    def _stop(self, reason: str) -> list[Task[Any]]:
        self._over = True
        if self._bar is not None:
            self._bar.close()
        return stop(self._crew, reason)

    def _end(self) -> NoReturn:
        """No result is left: say so, or what ended the items."""
        if not self._over:
            self._stop("it is over")
            if self._feeder is not None and self._feeder.exception is not None:
                raise noted(self._feeder, [])
        raise StopIteration


def feed(
    crew: Crew,
    places: Semaphore,
    order: deque[Task[R]] | None,
    place: Place,
    fn: Callable[[T], R],
    items: Iterator[T],
) -> None:
    """Start a call for each item, each once there is a place for it; the feeder of a map."""
    places.acquire()
    for item in items:
        task = crew.spawn(place, fn, (item,))
        if order is not None:
            order.append(task)
        places.acquire()


@overload
def map(  # noqa: A001
    fn: Callable[[T], R],
    items: Iterable[T],
    limit: int = 100,
    ordered: bool = True,
    errors: Literal["raise"] = "raise",
    progress: bool = False,
) -> Results[R]: ...
@overload
def map(  # noqa: A001
    fn: Callable[[T], R],
    items: Iterable[T],
    limit: int = 100,
    ordered: bool = True,
    *,
    errors: Literal["return"],
    progress: bool = False,
) -> Results[R | Exception]: ...
def map(  # noqa: A001
    fn: Callable[[T], Any],
    items: Iterable[T],
    limit: int = 100,
    ordered: bool = True,
    errors: str = "raise",
    progress: bool = False,
) -> Results[Any]:
    """Call ``fn(item)`` for every item, many at a time, and iterate over what they return.

    Lazy, as the builtin: nothing starts before the first ``next()``. From then on a task of its
    own takes the items, which may be endless, and may park; every call is a task too. A call is
    in flight until its result is taken: with a slow reader, or one slow call ahead of others,
    no more than ``limit`` calls and results are held.

    A reader that is cancelled cancels the calls and waits for them. So does ``close()``; leaving
    the loop otherwise (``break``, an error) only cancels them, as the iterator is destroyed.

    Args:
      fn: takes one item.
      items: any iterable. What it raises is raised after the results of the items before it.
      limit: how many may be in flight at once.
      ordered: results come in the order of the items; False: as they finish.
      errors: ``"raise"``: the first failure cancels the rest and is raised as it is, if ordered
        in its place among the results; further failures are named in its notes. ``"return"``:
        an Exception comes in place of the result.
      progress: draw a bar with rate and remaining time on stderr, if that is a terminal and
        tqdm is installed (``pip install 'weft[progress]'``).

    Returns:
      An iterator, to be used by one task at a time.

    Raises:
      TypeError: ``fn`` cannot be called, ``items`` not iterated, or ``limit`` is no integer.
      ValueError: ``limit`` is less than 1, or ``errors`` neither of the two.

    Parks: never itself; ``next()`` until there is a result. Woken by: the end of a call.
    Threads: any.

    Example:
      >>> import weft
      >>> for length in weft.map(len, ["warp", "weft!"]):
      ...     print(length)
      4
      5
    """
    return results_of(fn, items, limit, ordered, errors, progress, caller_place())


def results_of(
    fn: Callable[[T], R],
    items: Iterable[T],
    limit: int,
    ordered: bool,
    errors: str,
    progress: bool,
    place: Place,
) -> Results[R]:
    """:func:`map` for those who build on it: as if called at ``place``."""
    if not callable(fn):
        raise TypeError(f"map() needs a function to call with each item, got {fn!r}")
    check_count("limit is how many may be in flight at once, at least 1", limit)
    if errors not in ("raise", "return"):
        raise ValueError(f"errors must be 'raise' or 'return', got {errors!r}")
    source = iter(items)
    bar = None
    if progress:
        from weft._progress import bar_over

        bar = bar_over(len(items) if isinstance(items, Sized) else None)
    order: deque[Task[R]] | None = deque() if ordered else None
    return Results(fn, source, limit, order, errors == "return", bar, place)


def gather(*thunks: Callable[[], T]) -> list[T]:
    """Call all of them at once and return what they return, in order.

    The first failure cancels the others, waits for them, and is raised as it is; whatever else
    failed is named in its notes.

    Args:
      thunks: functions to be called without arguments: ``lambda: fetch(url)``.

    Raises:
      Exception: the first failure.
      TaskError: a call was cancelled by somebody else.
      Cancelled: the calling task was cancelled, once the calls have ended, which it cancels.
      TypeError: one of them cannot be called.

    Parks: until all have ended. Woken by: the end of a call. Threads: any.

    Example:
      >>> import weft
      >>> weft.gather(lambda: len("warp"), lambda: len("weft!"))
      [4, 5]
    """
    crew, tasks = spawn_all("gather", thunks, caller_place())
    failed: Task[T] | None = None
    try:
        while failed is None and (task := crew.take()) is not None:
            if task.exception is not None:
                failed = task
    except BaseException:
        stop(crew, "whoever waited for it was stopped")
        raise
    if failed is not None:
        raise noted(failed, stop(crew, reason_of(failed)))
    return [task.result() for task in tasks]


def first(*thunks: Callable[[], T]) -> T:
    """Call all of them at once and return what the first to succeed returns.

    The others are cancelled and waited for. One that fails is out of the race.

    Args:
      thunks: functions to be called without arguments: ``lambda: fetch(url)``; at least one.

    Raises:
      ExceptionGroup: all have failed; has every failure, in the order they came.
      Cancelled: the calling task was cancelled, once the calls have ended, which it cancels.
      TypeError: one of them cannot be called, or there is none.

    Parks: until one has succeeded and the others have ended. Woken by: the end of a call.
    Threads: any.

    Example:
      >>> import weft
      >>> weft.first(lambda: 1 / 0, lambda: "made it")
      'made it'
    """
    if not thunks:
        raise TypeError("first() needs at least one function to call")
    crew, _ = spawn_all("first", thunks, caller_place())
    failures: list[BaseException] = []
    winner: Task[T] | None = None
    try:
        while winner is None and (task := crew.take()) is not None:
            error = failure_of(task)
            if error is None:
                winner = task
            elif isinstance(error, Exception):
                failures.append(error)
            else:
                raise error
    except BaseException:
        stop(crew, "whoever waited for it was stopped")
        raise
    if winner is None:
        raise BaseExceptionGroup(f"first: all {len(failures)} failed", failures)
    for loser in stop(crew, f"task {winner.name!r} was first"):
        failure_of(loser)  # asked for, hence not logged
    return winner.result()


def spawn_all(
    what: str, thunks: tuple[Callable[[], T], ...], place: Place
) -> tuple[Crew, list[Task[T]]]:
    for thunk in thunks:
        if not callable(thunk):
            raise TypeError(
                f"{what}() takes functions to call, got {thunk!r}; "
                f"write {what}(lambda: fetch(url), ...)"
            )
    crew = Crew(what, place)
    return crew, [crew.spawn(place, thunk) for thunk in thunks]


def stop(crew: Crew, reason: str) -> list[Task[Any]]:
    """Cancel what is left of ``crew`` and wait for it, without being cut short: what has ended."""
    crew.cancel(reason)
    with shield():
        while (task := crew.oldest()) is not None:
            task.join()
    return list(iter(crew.take, None))


def failure_of(task: Task[Any]) -> BaseException | None:
    """What a call that has ended is to be reported to have failed with; None if it succeeded."""
    error = task.exception
    if isinstance(error, Cancelled | StopIteration):
        # Raised as they are, they would stop whoever takes the result, and look like his own.
        how = "was cancelled" if isinstance(error, Cancelled) else "raised StopIteration"
        wrapped = TaskError(f"task {task.name!r} {how}, so it has no result")
        wrapped.__cause__ = error
        return wrapped
    return error


def noted(task: Task[Any], others: Iterable[Task[Any]]) -> BaseException:
    """What ``task`` failed with, its notes saying what else has failed."""
    error = failure_of(task)
    assert error is not None
    also = [other for other in others if failed_itself(other)]
    for other in also[:NOTED]:
        error.add_note(f"also failed: task {other.name!r}: {other.exception!r}")
    if len(also) > NOTED:
        error.add_note(f"also failed: {len(also) - NOTED} more tasks")
    return error


def failed_itself(task: Task[Any]) -> bool:
    return task.exception is not None and not isinstance(task.exception, Cancelled)


def reason_of(failed: Task[Any]) -> str:
    return f"task {failed.name!r} failed: {failed.exception!r}"


def caller_place() -> Place:
    """Where the function that calls this one was called; in itself, if its task runs only it."""
    frame = sys._getframe(1)
    frame = frame.f_back or frame
    return frame.f_code, frame.f_lasti
