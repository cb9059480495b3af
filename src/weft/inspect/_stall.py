"""Tasks that hold their hub: who, for how long, where, and what to do about it.

Owns nothing; ``_core/_watch.pyx`` sees a stall, and calls :func:`on_stall` in an OS thread. That
thread must not wait for the hub that stalls: the task that holds it may have one of logging's
locks. So it logs only if it gets all of these at once, and else writes to stderr by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from posix import write  # never patched: what parks or yields is not for that thread
from typing import Any

from weft._core._task import Task
from weft._core._watch import watch
from weft.inspect._report import stack_lines
from weft.inspect._stacks import line_of, user_frame
from weft.inspect._survey import Survey

_logger = logging.getLogger("weft")

COMPUTES = """\
  it computes ({used:.1f} s of CPU time). Let others run with weft.checkpoint(), compute in another
  process with weft.parallel(), or try weft run --preempt 10ms"""
BLOCKS = """\
  it is blocked in a call that weft does not make cooperative ({used:.1f} s of CPU time). Make it in
  a thread with weft.offload() or, if it keeps the GIL, in a process with weft.parallel()"""


# The task, in words, that was said to stall the hub of a thread: by the thread's name.
_stalling: dict[str, str] = {}


def watch_stalls(seconds: float = 1.0) -> None:
    """Log a warning when a task holds its hub for so long that others should have run.

    It names the task, the line of the program where it is, and its stack, and says whether it
    computes or is blocked in a call; a second line says when it has let go. Only a task beside
    which there are others can stall. An OS thread watches every hub of the process, and goes on
    to do so in forked children; looking costs the tasks nothing. On by default under ``weft run``.

    Logged as a warning by the logger ``weft``, from that OS thread. While a lock of
    logging's is taken, maybe by the very task, the text goes to stderr instead.

    Args:
      seconds: how long a task may run; 0 turns it off.

    Raises:
      ValueError: ``seconds`` is negative or not a number.

    Parks: never. Threads: any; there is one watchdog for the process.

    Example:
      >>> import weft.inspect
      >>> weft.inspect.watch_stalls(0.5)
      >>> weft.inspect.watch_stalls(0)
    """
    if not seconds >= 0:
        raise ValueError(f"seconds must not be negative, got {seconds!r}")
    watch(seconds, on_stall)


def on_stall(task: Task | None, thread: str, held: float, used: float) -> None:
    """Say that ``task`` stalls the hub of ``thread``; None: that it has let go.

    Args:
      held: seconds for which it holds, or held, the hub.
      used: seconds of CPU time in these.
    """
    if task is None:
        name = _stalling.pop(thread, "a task")
        say(f"{name} has let go of the hub of {thread}, which it held for {held:.1f} s")
        return
    name = _stalling[thread] = f"task {task.name!r}"
    lines = [f"{name} holds the hub of {thread} for {held:.1f} s, and no other task can run"]
    frames = Survey([task]).views[0].frames
    place = user_frame(frames)
    if place:
        lines.append(f"  at {line_of(*place)}")
    lines.append((COMPUTES if used > held / 10 else BLOCKS).format(used=used))
    if len(frames) > 1:
        lines += stack_lines(frames)
    say("\n".join(lines))


def say(text: str) -> None:
    """Log ``text`` if that needs no waiting, else write it to stderr."""
    with ExitStack() as held:
        if all(take(lock, held) for lock in locks()):
            _logger.warning("%s", text)
            return
    write(2, f"weft: {text}\n".encode(errors="backslashreplace"))


def take(lock: Any, held: ExitStack) -> bool:
    """Take ``lock`` for as long as ``held`` lasts, unless that means to wait."""
    if not lock.acquire(blocking=False):
        return False
    held.callback(lock.release)
    return True


def locks() -> Iterator[Any]:
    """The locks that logging a record takes; they are reentrant."""
    yield logging._lock  # type: ignore[attr-defined]
    handlers: list[logging.Handler | None] = []
    logger: logging.Logger | None = _logger
    while logger is not None:
        handlers += logger.handlers
        logger = logger.parent if logger.propagate else None
    for handler in handlers or [logging.lastResort]:
        lock = getattr(handler, "lock", None)
        if lock is not None:
            yield lock
