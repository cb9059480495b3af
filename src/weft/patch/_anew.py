"""Patches a module as it is imported: anew, or for the first time if its patch waits for that.

Tests import anew, to have a module without its C part or untouched by others; what
it then has of the stdlib's would stop every task of the thread. Owns nothing
but the finder it puts first in ``sys.meta_path``. Nothing here parks.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from weft.patch import _registry


class _Finder:
    """Finds what was patched as the others do, and has the patch applied once it is loaded."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        if name not in _registry.replacements and name not in _registry.hooks:
            return None
        for finder in sys.meta_path:
            found: Any = None if finder is self else finder.find_spec(name, path, target)
            if found is not None:
                found.loader = _Loader(found.loader)
                return found  # type: ignore[no-any-return]
        return None


class _Loader:
    """Loads as ``loader`` does, then patches; the module knows of ``loader`` only."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self.loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        spec: Any = module.__spec__
        spec.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        for name, value in _registry.replacements.get(module.__name__, {}).items():
            setattr(module, name, value)
        if module.__name__ in _registry.hooks:
            _registry.hooks[module.__name__](module)


_finder = _Finder()


def watch() -> None:
    """Patch again from now on, until :func:`weft.patch.unpatch`."""
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
        _registry.undo.append(partial(sys.meta_path.remove, _finder))
