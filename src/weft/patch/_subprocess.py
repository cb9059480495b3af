"""Makes the stdlib's Popen wait as tasks do.

The class stays. What it stands on is green already: ``os``, ``selectors``, ``threading``. Here
are exchanged the files it makes of its pipes, the way it starts a program, and the loop in which
it waits for a limited time.
"""

import _posixsubprocess
from types import ModuleType
from typing import Any

from weft._files import waiting_io
from weft._programs import fork_exec, waiting
from weft.patch import _registry


def patch() -> None:
    """Make :mod:`subprocess` cooperative, also if it is imported later."""
    # multiprocessing starts programs by it as well.
    _registry.replace(_posixsubprocess, "fork_exec", fork_exec)
    _registry.when_imported("subprocess", make_green)


def make_green(module: ModuleType) -> None:
    """Patch the stdlib's ``subprocess``."""
    popen: Any = module.Popen
    _registry.replace(module, "io", waiting_io, taken=False)
    _registry.replace(module, "_fork_exec", fork_exec, taken=False)
    _registry.replace(popen, "_wait", waiting(popen._wait, module.TimeoutExpired))
