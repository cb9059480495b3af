"""mysql-connector-python: ``connect()`` takes the part that waits in Python's sockets.

The driver is there twice, in Python and as an extension that waits in C, with one interface, and
``connect(use_pure=...)`` chooses. Its default, the extension where there is one, is the other one
here; who asks for ``use_pure=False``, also in an option file, has the extension as before.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

from weft.patch import _registry

# Arguments that name files with further arguments; the driver reads them and connects anew.
FILES = {"option_files", "read_default_file"}


def patch(module: ModuleType) -> None:
    """Change the default of ``mysql.connector.connect`` and its other names."""
    made = in_python(module.connect)
    for owner in (sys.modules[f"{module.__name__}.pooling"], module):
        _registry.put(owner, "connect", made)
    _registry.put(module, "Connect", made)


def in_python(connect: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(connect)
    def connect_in_python(*args: Any, **kwargs: Any) -> Any:
        if not FILES & kwargs.keys():
            kwargs.setdefault("use_pure", True)
        return connect(*args, **kwargs)

    return connect_in_python
