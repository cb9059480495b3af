"""pipeline: a source and stages that run at the same time, joined by bounded channels.

Owns: what becomes of the other stages when one ends early or fails, or the reader leaves. The
source and each stage are a task of a crew (``_core/_crew.pyx``); they and the reader park in the
channels between them (``_core/_channel.pyx``) and wake one another there.

What was cut short must never look as if it had come to its end: a stage may commit after its
loop. So a stage whose input was cut gets ``Cancelled`` there, never ``StopIteration``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, TypeVar

from weft._core._api import checkpoint, current
from weft._core._channel import channel
from weft._core._crew import Crew
from weft._core._group import check_count
from weft._core._scope import shield
from weft._core._task import Task
from weft._errors import Cancelled, ChannelClosed
from weft._fanout import Results, caller_place, noted, stop
from weft._tasks import name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from weft._fanout import Place

T = TypeVar("T")
Stage = Callable[[Iterator[Any]], Iterable[Any] | None]
Source = Iterable[Any] | Callable[[], Iterable[Any]]


class Link(Iterator[Any]):
    """What the stages of one step yield; the iterator that those of the next step get."""

    def __init__(self, limit: int) -> None:
        self._tx, self.received = channel(limit)
        self.cut = False  # whoever sends was stopped, or has failed: there should be more

    def send(self, item: Any) -> bool:
        """Whether anybody will take it."""
        try:
            self._tx.send(item)
        except ChannelClosed:
            return False
        return True

    def end(self) -> None:
        self._tx.close()

    def drop(self) -> None:
        """Nobody takes any more."""
        self.received.close()

    def __next__(self) -> Any:
        try:
            return next(self.received)
        except StopIteration:
            if self.cut:
                raise Cancelled("what comes before it in the pipeline was stopped") from None
            raise


class Step:
    """The stages at one place of the pipeline: they share what comes in and what goes out."""

    def __init__(self, stages: list[Callable[..., Any]], taken: Link | None, out: Link) -> None:
        self.stages = stages
        self.taken = taken  # of the source: None
        self.out = out
        self.tasks: set[Task[None]] = set()  # those that have not ended
        self.running = len(stages)
        self.unwanted = False  # nobody takes what it yields: its tasks are asked to stop


class Line:
    """What the tasks of a pipeline share; it knows nothing of its reader.

    Nor does it keep a task that has ended: an error's traceback knows the line, and a failure
    that nobody takes is logged as its task is destroyed.
    """

    def __init__(self, place: Place, steps: list[Step]) -> None:
        self.crew = Crew("pipeline", place)
        self.steps = steps
        self._begun: set[int] = set()  # ids of tasks
        self._failed: int | None = None  # id of the first task that did

    @property
    def results(self) -> Iterator[Any]:
        return self.steps[-1].out.received

    def start(self, place: Place) -> None:
        """Spawn all tasks, and see each of them begin."""
        tasks = []
        for step in self.steps:
            for stage in step.stages:
                task = self.crew.spawn(place, self._run, (step, stage))
                task.name = f"{name_of(stage)}-{task.id}"
                step.tasks.add(task)
                tasks.append((step, task))
        # One that is cancelled before it begins never runs, and would not say that it has ended.
        for step, task in tasks:
            while task.id not in self._begun and not task.done:
                checkpoint()
            if task.id not in self._begun and not step.unwanted:
                self._fail(task, "was cancelled")

    def failure(self, ended: list[Task[Any]]) -> BaseException | None:
        """What to raise when all have ended; None if nothing failed."""
        for task in ended:
            if task.id == self._failed:
                return noted(task, [other for other in ended if other is not task])
        return None

    def _run(self, step: Step, stage: Callable[..., Any]) -> None:
        me = current()
        self._begun.add(me.id)
        try:
            send_all(stage() if step.taken is None else stage(step.taken), stage, step.out)
        except BaseException as error:
            step.out.cut = True
            if not (step.unwanted and isinstance(error, Cancelled)):
                self._fail(me, f"failed: {error!r}")
            raise
        finally:
            step.tasks.discard(me)
            del me
            step.running -= 1
            if not step.running:
                self._leave(step)

    def _fail(self, failed: Task[None], how: str) -> None:
        """Stop all the others; the reader finds the failure behind what has arrived."""
        if self._failed is None:
            self._failed = failed.id
            others = [task for task in self.crew.tasks if task is not failed]
            self.crew.cancel(f"task {failed.name!r} {how}", others)
            self.steps[-1].out.end()

    def _leave(self, step: Step) -> None:
        """All of ``step`` have ended: what comes after gets no more, what comes before stops."""
        step.out.end()
        if step.taken is None:
            return
        step.taken.drop()
        before = self.steps[: self.steps.index(step)]
        for each in before:
            each.unwanted = True
        if late := [task for each in before for task in each.tasks]:
            self.crew.cancel(f"{name_of(step.stages[0])} takes no more items", late)


def send_all(items: Any, stage: Callable[..., Any], out: Link) -> None:
    """Send every item on, until nobody takes any more."""
    if items is None:  # a function that is no generator, and only took
        return
    try:
        iterator = iter(items)
    except TypeError:
        raise TypeError(
            f"{name_of(stage)} must yield the items to go on, or return an iterable of them "
            f"or None, got {items!r}"
        ) from None
    try:
        for item in iterator:
            if not out.send(item):
                return
    finally:
        # Asked to stop, and told so by the channel first: the request must not hit its clean-up.
        with shield():
            close(iterator)


def close(items: object) -> None:
    """End what is left of ``items``, here and now, if that can be done: ``finally`` blocks run."""
    if isinstance(items, Generator | Results | Pipeline):
        items.close()


class Pipeline(Iterator[T]):
    """What ``weft.pipeline`` returns: an iterator over what the last stage yields.

    To be taken from by one task at a time. Nothing of it is referenced by the tasks, so that
    it is destroyed, and they are cancelled, as soon as nobody can ask for results any more.
    """

    _over = True  # nothing is left to stop; so it is until __init__ has come to its end

    def __init__(self, source: object, steps: list[Step], place: Place) -> None:
        self._line = Line(place, steps)
        self._place = place
        self._source: object = source  # until it begins
        self._waiting = True  # for the first next()
        self._over = False

    def __next__(self) -> T:
        """The next result.

        Parks: until there is one. Woken by: the last stage's ``yield``, its end, a failure.
        Threads: any.
        """
        if self._over:
            raise StopIteration
        try:
            if self._waiting:
                self._waiting, self._source = False, None
                self._line.start(self._place)
            return next(self._line.results)  # type: ignore[no-any-return]
        except StopIteration:
            pass
        except BaseException:
            self._stop("whoever took its results was stopped")
            raise
        raise self._ending()

    def run(self) -> None:
        """Run it to its end, and drop what the last stage yields: for one that ends in a sink.

        Raises:
          Exception: the first failure of the source or a stage, as it is.
          Cancelled: the calling task was cancelled, once the stages have ended.

        Parks: until all stages have ended. Woken by: the end of the last. Threads: any.
        """
        for _ in self:
            pass

    def close(self) -> None:
        """Cancel the source and the stages and wait until they have ended.

        Needed only to wait: a pipeline that nobody refers to any more is cancelled.

        Parks: while one of them runs. Threads: any.
        """
        if self._waiting:
            self._waiting, self._over = False, True
            close(self._source)
        elif not self._over:
            self._stop("its results were closed")

    def __del__(self) -> None:
        # Anywhere, perhaps in a garbage collection: only asks them to stop.
        if self._over:
            return
        if self._waiting:
            warnings.warn(
                f"{self!r} was never run: iterate over it, or call its run()",
                RuntimeWarning,
                stacklevel=2,
            )
        else:
            self._line.crew.abandon("nobody takes its results any more")

    def __repr__(self) -> str:
        probe = Cancelled()
        probe.where = self._place
        return f"<weft.pipeline made at {probe.place}>"

    def _stop(self, reason: str) -> list[Task[Any]]:
        self._over = True
        return stop(self._line.crew, reason)

    def _ending(self) -> BaseException:
        """What to raise when no result is left: StopIteration, or what failed."""
        error = None if self._over else self._line.failure(self._stop("it is over"))
        return StopIteration() if error is None else error


def pipeline(
    source: Source, *stages: Stage | list[Stage] | tuple[Stage, ...], limit: int = 10
) -> Pipeline[Any]:
    """Run generators as the stages of a pipeline, all at the same time, each in a task.

    What the source yields goes to the first stage, what that yields to the next, and what the
    last yields to the reader. A stage that is ``limit`` items ahead of the next one waits. In
    place of one stage, a list of them share the work: each item goes to one of them, and what
    they yield is merged as it comes. Otherwise the order is kept.

    Lazy: nothing starts before the first ``next()``, or :meth:`run`, which is for pipelines
    whose last stage yields nothing.

    A stage that ends early ends what comes before it: its task is cancelled, and its generator
    closed, so that ``finally`` blocks run. The first failure cancels all the others and is raised
    as it is, after the results that have arrived; further failures are named in its notes. A
    reader that is cancelled cancels the stages and waits for them, and so does ``close()``;
    leaving the loop otherwise (``break``, an error) only cancels them.

    Args:
      source: an iterable, or a function to be called without arguments that returns one, such
        as a generator function. It is iterated over in a task of its own.
      stages: functions that take an iterator and return an iterable, such as generator
        functions; or lists of those. One that returns None is a sink.
      limit: how many items may wait between two stages.

    Returns:
      An iterator, to be used by one task at a time.

    Raises:
      TypeError: the source is not iterable, a stage no function, or ``limit`` no integer.
      ValueError: ``limit`` is less than 1, or a list of stages is empty.

    Parks: never itself; ``next()`` until there is a result. Woken by: the last stage.
    Threads: any.

    Example:
      >>> import weft
      >>> def bake():
      ...     for number in range(1, 4):
      ...         weft.sleep(0.001)
      ...         yield f"baozi {number}"
      >>> def eat(baozi):
      ...     for each in baozi:
      ...         yield f"ate {each}"
      >>> list(weft.pipeline(bake, eat, limit=1))
      ['ate baozi 1', 'ate baozi 2', 'ate baozi 3']
    """
    check_count("limit is how many items may wait between two stages, at least 1", limit)
    taken = Link(limit)
    steps = [Step([supplier(source)], None, taken)]
    for stage in stages:
        out = Link(limit)
        steps.append(Step(functions(stage), taken, out))
        taken = out
    return Pipeline(source, steps, caller_place())


def supplier(source: Source) -> Callable[[], Iterable[Any]]:
    """A function that returns what the source iterates over."""
    if callable(source) and not isinstance(source, Iterable):
        return source
    items = iter(source)  # else iter() says what is wrong with it

    def supply() -> Iterable[Any]:
        return items

    supply.__qualname__ = name_of(source)
    return supply


def functions(stage: Any) -> list[Callable[..., Any]]:
    """The stages at one place, as a list."""
    stages = list(stage) if isinstance(stage, list | tuple) else [stage]
    if not stages:
        raise ValueError("a list of stages that share the work needs at least one")
    for each in stages:
        if not callable(each):
            raise TypeError(
                f"a stage is a function that takes an iterator, got {each!r}; pass a generator "
                "function itself, or lambda items: stage(items, ...)"
            )
    return stages
