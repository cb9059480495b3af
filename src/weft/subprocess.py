"""The stdlib's ``subprocess`` for tasks: the same names, signatures and errors.

Owns: nothing but the code, which is the stdlib's, run once more over :mod:`weft.os`,
:mod:`weft.selectors` and files that park. ``run``, ``communicate``, ``wait`` and the files of a
:class:`Popen` park; the child's end or its pipes wake them. The exceptions and
``CompletedProcess`` are the stdlib's own classes.

Example:
  >>> import weft, weft.subprocess
  >>> words = [weft.spawn(weft.subprocess.check_output, ["echo", str(n)]) for n in range(3)]
  >>> [word.result() for word in words]
  [b'0\\n', b'1\\n', b'2\\n']
"""

from __future__ import annotations

import _posixsubprocess
import subprocess as _stdlib
from typing import TYPE_CHECKING, Any

import weft.os
import weft.select
import weft.selectors
import weft.signal
import weft.threading
import weft.time
from weft._files import waiting_io
from weft._modules import copy_of, view
from weft._programs import fork_exec, waiting

if TYPE_CHECKING:
    from subprocess import *  # noqa: F403

_green: Any = copy_of(
    "subprocess",
    {
        "_posixsubprocess": view(_posixsubprocess, {"fork_exec": fork_exec}),
        "io": waiting_io,
        "os": weft.os,
        "select": weft.select,
        "selectors": weft.selectors,
        "signal": weft.signal,
        "threading": weft.threading,
        "time": weft.time,
    },
    __name__,
)
# Whoever catches or looks for the stdlib's shall find these.
for _name in ("CalledProcessError", "CompletedProcess", "SubprocessError", "TimeoutExpired"):
    setattr(_green, _name, getattr(_stdlib, _name))
_green.Popen._wait = waiting(_green.Popen._wait, _stdlib.TimeoutExpired)
if not TYPE_CHECKING:
    __all__ = _stdlib.__all__
    globals().update({name: getattr(_green, name) for name in __all__})
