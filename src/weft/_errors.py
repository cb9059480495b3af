"""Every exception weft raises of its own; imports nothing."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType


class WeftError(Exception):
    """Base of weft's own errors; what the stdlib has an error for gets the stdlib's."""


class TaskError(WeftError, RuntimeError):
    """A task, hub or primitive was used in a way that cannot work; the text says what to do."""


class Deadlock(WeftError, RuntimeError):
    """Nothing can run any more: every task waits for another."""


class ChannelClosed(WeftError):
    """Nothing more is sent through this channel, or nobody receives any more."""


class ShutDown(Exception):
    """The queue was shut down; as ``queue.ShutDown``, which stands for it where there is one."""


class ScheduleFailed(WeftError, AssertionError):
    """A function failed under a seeded schedule; see :func:`weft.testing.explore`.

    Its text has the command that runs that schedule again, and it was raised
    from the failure itself.

    Attributes:
      seed: of the schedule.
      command: what to type into a shell, in the directory the program was started in.
    """

    seed: int = 0
    command: str = ""


class Cancelled(BaseException):
    """The task was asked to stop, by :meth:`weft.Task.cancel` or by a scope around it.

    A BaseException, so that ``except Exception: retry`` in a library does not
    swallow it. Delivered once per request, at the task's next checkpoint;
    clean up and let it pass on. Its text says who asked, and where.

    Attributes:
      by: who asked, as ``"task 'name'"``; ``""`` for a timeout.
      scope: the timeout or task group that asked; None for ``Task.cancel``.
      where: code object and bytecode offset of the place that asked, or None.
    """

    by: str = ""
    scope: object = None
    where: "tuple[CodeType, int] | None" = None

    @property
    def place(self) -> str:
        """Where it was asked for, or the timeout set: ``"file.py:12 in function"`` or ``""``."""
        if self.where is None:
            return ""
        code, offset = self.where
        line = next((n for start, end, n in code.co_lines() if start <= offset < end), None)
        return f"{code.co_filename}:{line or code.co_firstlineno} in {code.co_name}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __str__(self) -> str:
        text = super().__str__()
        if self.by:
            origin = f"by {self.by}" + (f" at {self.place}" if self.place else "")
        else:
            origin = f"set at {self.place}" if self.place else ""
        return f"{text} ({origin})" if text and origin else text or origin


class WorkerDied(WeftError, RuntimeError):
    """The process that made a call of ``weft.parallel`` has ended; the text says how."""
