"""Hunts for a schedule under which a function fails, and says how to run it again."""

import os
import shlex
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

from weft._core import _doubt, _ends, _trial
from weft._core._task import Task
from weft._errors import Cancelled, Deadlock, ScheduleFailed
from weft.inspect._report import deadlock
from weft.inspect._survey import Survey
from weft.lowlevel import current, spawn_in, unpark
from weft.testing import _standins
from weft.testing._leaks import describe, end, named, unfinished
from weft.testing._seeded import aside, seeded

SEED = "WEFT_SEED"


def explore(fn: Callable[[], object], runs: int = 1000, seed: int | None = None) -> None:
    """Call ``fn()`` under one seeded schedule after another until it fails under one.

    Each run has a :func:`schedule` of its own, seeded 0, 1, 2 ..., and its own
    task. It fails if ``fn`` raises; if nothing can run any more; if a task that
    ``fn`` started is not done when it returns, unless it is about to end; or if
    one has failed and nobody has asked for its result.

    Args:
      fn: makes afresh all that it works on.
      runs: how many schedules are tried.
      seed: try this schedule only; so does ``WEFT_SEED=17`` in the environment.

    Raises:
      ScheduleFailed: from the failure; its text says how to run that schedule again.
      ValueError: ``runs`` is less than 1: nothing would have been tried.
      TaskError: there is a virtual clock already, in this thread or another.

    Parks: always. Woken by: the end of each run. Threads: any, one at a time.

    Example:
      >>> import weft
      >>> from weft.testing import explore
      >>> def transfer():
      ...     balance = [0]
      ...     def deposit():
      ...         before = balance[0]
      ...         weft.checkpoint()      # what a log message or a lock may do
      ...         balance[0] = before + 1
      ...     weft.joinall([weft.spawn(deposit) for _ in range(2)])
      ...     assert balance == [2]
      >>> explore(transfer)     # doctest: +ELLIPSIS
      Traceback (most recent call last):
      weft._errors.ScheduleFailed: ...
    """
    __tracebackhide__ = True  # pytest shows the line that called
    if runs < 1:
        raise ValueError(f"runs is how many schedules are tried, at least 1, got {runs!r}")
    if seed is None:
        seed = seed_of_environment()
    seeds = range(runs) if seed is None else [seed]
    with aside(), _standins.in_place():
        for done, number in enumerate(seeds, 1):
            failure = attempt(fn, number)
            if failure is not None:
                raise schedule_failed(number, done, failure) from failure


def attempt(fn: Callable[[], object], seed: int) -> Exception | Cancelled | None:
    """Call ``fn()`` under one schedule; what it failed with, or None."""
    strangers = set(_trial.own_tasks())
    known = set(_ends.uncollected())
    failures: list[tuple[str, BaseException | None]] = []
    with seeded(seed), reporting_to(failures):
        run = spawn_in(fn, name="explore")
        try:
            with told_of_deadlock(current(), strangers):
                run.result()
                _trial.shuffle(None)
                left = unfinished(lambda task: task not in strangers)
                if left:
                    raise AssertionError(describe(left, "the function left behind:"))
                _trial.settle()
                report(failures, known)
        except (Exception, Cancelled) as failure:
            if isinstance(failure, Cancelled) and not run.done:
                raise  # it is the caller who was cancelled
            return failure
        finally:
            _trial.shuffle(None)
            end([run, *unfinished(lambda task: task not in strangers)])
    return None


def report(failures: list[tuple[str, BaseException | None]], known: set[Task]) -> None:
    """Raise the first failure that nobody asked for; those of tasks that are gone come first."""
    for text, exc in failures:
        raise AssertionError(text) from exc
    for task in set(_ends.uncollected()) - known:
        text = f"{named(task)} failed, and nobody asked for its result"
        raise AssertionError(text) from task.exception


@contextmanager
def reporting_to(failures: list[tuple[str, BaseException | None]]) -> Iterator[None]:
    """Put what is else logged, or printed of a Thread, into ``failures``."""

    def thread_failed(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit:
            name = args.thread.name if args.thread is not None else "that is gone"
            failures.append((f"thread {name} failed: {args.exc_value!r}", args.exc_value))

    before = _trial.on_failures(failures.extend), threading.excepthook
    threading.excepthook = thread_failed
    try:
        yield
    finally:
        _trial.on_failures(before[0])
        threading.excepthook = before[1]


@contextmanager
def told_of_deadlock(me: Task, strangers: set[Task]) -> Iterator[None]:
    """Raise Deadlock in the task ``me`` when this thread's hub can run nothing any more."""

    def on_doubt(stage: int) -> None:
        if _trial.virtual_now() is not None:
            stuck = [task for task in _trial.own_tasks() if task not in strangers]
            unpark(me, exception=Deadlock(deadlock(Survey(stuck))))
        elif before is not None:
            before(stage)

    before = _doubt.on_doubt(on_doubt)
    try:
        yield
    finally:
        _doubt.on_doubt(before)


# -- how to run it again ---------------------------------------------------------


def seed_of_environment() -> int | None:
    """What ``WEFT_SEED`` says, None if it is not set.

    Raises:
      ValueError: it is no integer.
    """
    text = os.environ.get(SEED)
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{SEED} is {text!r}; it must be an integer") from None


def replay_command(seed: int) -> str:
    """What to type into a shell to run the present test, or program, under ``seed`` alone."""
    test = os.environ.get("PYTEST_CURRENT_TEST")
    if test is None or "pytest" not in sys.modules:
        return f"{SEED}={seed} {shlex.join(sys.orig_argv)}"
    # Unpatched it would be another program.
    words = [os.path.basename(word) for word in sys.orig_argv]
    program = "weft run" if ("weft", "run") in pairwise(words) else "python"
    return f"{SEED}={seed} {program} -m pytest {shlex.quote(test.rpartition(' (')[0])}"


def schedule_failed(seed: int, runs: int, failure: BaseException) -> ScheduleFailed:
    command = replay_command(seed)
    text = f"{type(failure).__name__}: {failure}"
    made = ScheduleFailed(
        f"failed under the schedule of seed {seed}, the {ordinal(runs)} tried: {text}\n\n"
        f"To run that schedule again:\n    {command}\n"
    )
    made.seed, made.command = seed, command
    return made


def ordinal(n: int) -> str:
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"
