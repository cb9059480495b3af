"""Makes reading ``sys.stdin``, ``input()`` and ``getpass`` park, and so writing to a slow pipe.

The streams of :mod:`sys` remain the objects they are. ``sys.stdin`` stays green after ``unpatch``:
what it has read ahead could not be handed back.
"""

import builtins
import io
import sys
from types import ModuleType

from weft import _stdio
from weft._files import FileIO
from weft.patch import _registry

_native_file = io.FileIO


class _WaitingIO(ModuleType):
    """The module ``io`` as it is at the moment, but for its raw files: they park."""

    def __getattr__(self, name: str) -> object:
        found = getattr(io, name)
        return FileIO if found is _native_file else found


def patch() -> None:
    """Make the standard streams cooperative, as far as they are pipes, sockets or terminals."""
    _stdio.make_green(sys.stdin)
    for file in (sys.stdout, sys.stderr):
        back = _stdio.make_green(file)
        if back:
            _registry.undo.append(back)
    _registry.replace(builtins, "input", _stdio.input)
    _registry.when_imported("getpass", patch_getpass)


def patch_getpass(module: ModuleType) -> None:
    """Let it, which opens the terminal itself, open a file that parks."""
    _registry.put(module, "io", _WaitingIO("io"))
