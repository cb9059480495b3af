"""Has the program's signal handlers run in tasks, and makes the waits for signals cooperative."""

import signal

from weft import signal as green
from weft.patch import _registry

NAMES = (
    "signal",
    "getsignal",
    "set_wakeup_fd",
    "pthread_kill",
    "pthread_sigmask",
    "raise_signal",
    "pause",
    "sigwait",
    "sigwaitinfo",
    "sigtimedwait",
)


def patch() -> None:
    """Make :mod:`signal` cooperative."""
    for name in NAMES:
        _registry.replace(signal, name, getattr(green, name))
    green.adopt()
    _registry.undo.append(green.give_back)
