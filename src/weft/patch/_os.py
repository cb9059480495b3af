"""Makes what waits in the stdlib's ``os`` cooperative.

The rest of the module is Python code that looks these up as it runs: ``spawnv``, ``popen``,
``execvp`` and their kin become green with them.
"""

import os

from weft import os as green
from weft.patch._registry import replace

NAMES = (
    "read",
    "readv",
    "write",
    "writev",
    "eventfd_read",
    "eventfd_write",
    "sendfile",
    "splice",
    "open",
    "close",
    "closerange",
    "dup",
    "dup2",
    "lockf",
    "waitpid",
    "wait",
    "wait3",
    "wait4",
    "waitid",
    "system",
    "execv",
    "execve",
    "posix_spawn",
    "posix_spawnp",
    "fdopen",
)


def patch() -> None:
    """Make :mod:`os` cooperative."""
    for name in NAMES:
        replace(os, name, getattr(green, name, None))
