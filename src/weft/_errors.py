"""Every exception weft raises of its own; imports nothing."""


class WeftError(Exception):
    """Base of weft's own errors; what the stdlib has an error for gets the stdlib's."""


class TaskError(WeftError, RuntimeError):
    """A task, hub or primitive was used in a way that cannot work; the text says what to do."""


class Deadlock(WeftError, RuntimeError):
    """Nothing can run any more: every task waits for another."""


class Cancelled(BaseException):
    """The task was asked to stop, by :meth:`weft.Task.cancel` or by a scope around it.

    A BaseException, so that ``except Exception: retry`` in a library does not
    swallow it. Delivered once per request, at the task's next checkpoint;
    clean up and let it pass on.
    """
