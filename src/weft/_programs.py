"""Starting other programs, and waiting for them, beneath ``subprocess`` and ``os``.

Owns nothing. Must not know: the Popen it works for, but by its ``pid`` and ``args``.
"""

from __future__ import annotations

import _posixsubprocess
import os
from collections.abc import Callable
from typing import Any

from weft._children import park_until_exit
from weft._core._api import now
from weft._core._socket import green_fds, lend

# Bound here: whatever is patched later, this is the original.
_fork_exec = _posixsubprocess.fork_exec


def lend_inheritable() -> None:
    """Make green sockets that another program is about to inherit blocking ones, if they look so.

    Parks: never.
    """
    for fd in green_fds():
        if os.get_inheritable(fd):
            lend(fd)


def fork_exec(*arguments: Any) -> int:
    """What a Popen starts its program by; green sockets that the program gets become blocking.

    Parks: never.
    """
    close_fds, kept = arguments[2:4]
    files = arguments[6], arguments[9], arguments[11]
    handed_over = {*kept, *(own if fd == -1 else fd for own, fd in enumerate(files))}
    for fd in handed_over.intersection(green_fds()):
        lend(fd)
    if not close_fds:
        lend_inheritable()
    return _fork_exec(*arguments)


def waiting(native: Callable[..., int], expired: type[Exception]) -> Callable[..., int]:
    """``Popen._wait`` that parks until the deadline, where ``native`` looks again and again."""

    def _wait(self: Any, timeout: float | None) -> int:
        if timeout is None:
            return native(self, timeout)
        deadline = now() + timeout
        while True:
            try:
                return native(self, 0)
            except expired:
                if now() >= deadline:
                    raise expired(self.args, timeout) from None
            try:
                park_until_exit(self.pid, deadline)
            except TimeoutError:
                pass  # looked at once more, at its end

    return _wait
