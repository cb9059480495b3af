"""Makes reading ``sys.stdin``, ``input()`` and ``getpass`` park, and so writing to a slow pipe.

The streams of :mod:`sys` remain the objects they are. ``sys.stdin`` stays green after ``unpatch``:
what it has read ahead could not be handed back.
"""

import builtins
import getpass
import sys

from weft import _files, _stdio
from weft.patch import _registry


def patch() -> None:
    """Make the standard streams cooperative, as far as they are pipes, sockets or terminals."""
    _stdio.make_green(sys.stdin)
    for file in (sys.stdout, sys.stderr):
        back = _stdio.make_green(file)
        if back:
            _registry.undo.append(back)
    _registry.replace(builtins, "input", _stdio.input)
    # It opens the terminal itself.
    _registry.put(getpass, "io", _files.waiting_io)
