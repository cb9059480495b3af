"""Second copies of stdlib modules, made over other modules than those they import.

``threading`` and ``queue`` are Python on top of ``_thread``'s few functions.
Run once more over green functions they are green; run over the originals they
stay native while the stdlib's own are patched. Nothing here parks.
"""

import builtins
from collections.abc import Mapping
from importlib.util import find_spec
from types import ModuleType
from typing import Any


def view(module: ModuleType, names: Mapping[str, object]) -> ModuleType:
    """A module with all that ``module`` has, and ``names`` in place of its own."""
    made = ModuleType(module.__name__, module.__doc__)
    vars(made).update(vars(module))
    vars(made).update(names)
    return made


def copy_of(name: str, instead: Mapping[str, ModuleType], own_name: str) -> ModuleType:
    """Run the stdlib module called ``name`` once more, into a module of its own.

    Args:
      name: a module written in Python.
      instead: what its import statements get, by the name they ask for.
      own_name: the copy's ``__name__``, and its classes' ``__module__``.

    Returns:
      The copy, which is not in ``sys.modules``.
    """
    spec = find_spec(name)
    code = spec.loader.get_code(name)  # type: ignore[union-attr]
    made = ModuleType(own_name)
    vars(made).update(importing({}, instead))
    exec(code, vars(made))
    return made


def importing(names: Mapping[str, Any], instead: Mapping[str, ModuleType]) -> dict[str, Any]:
    """Globals like ``names``, for code whose import statements get modules from ``instead``."""

    def importer(wanted: str, *how: Any) -> ModuleType:
        return instead.get(wanted) or builtins.__import__(wanted, *how)

    # The import statement calls what its module's builtins hold; nobody else sees this one.
    return {**names, "__builtins__": {**vars(builtins), "__import__": importer}}
