"""What was replaced in the stdlib, by what, and what stood there before.

Owns: the record of every replaced name. Must not know: which names there are;
each module's own file in this package says that. Nothing here parks.
"""

import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType

# (module's name, attribute) -> (what stood there, what stands there now).
replaced: dict[tuple[str, str], tuple[object, object]] = {}
# Modules whose patch has been applied.
applied: set[str] = set()
# Modules that keep what they took: our own, what we stand on, and the importer itself.
EXEMPT = ("weft", "greenlet", "importlib", "_frozen_importlib", "_frozen_importlib_external")
# Values many modules share by chance: one that is "the same object" says nothing.
PLAIN = (type(None), bool, int, float, str, bytes, tuple)


def replace(module: ModuleType, name: str, value: object) -> None:
    """Put ``value`` in place of ``module.name``; the first original is the one remembered.

    Args:
      module: a stdlib module.
      name: an attribute it has; a name it lacks is left out, since versions differ.
      value: its green counterpart.
    """
    missing = object()
    present = getattr(module, name, missing)
    if present is missing or present is value:
        return
    key = module.__name__, name
    first = replaced[key][0] if key in replaced else present
    replaced[key] = first, value
    setattr(module, name, value)


def is_replaced(module: str) -> bool:
    """Whether any name of the module called ``module`` was replaced."""
    return module in applied or any(owner == module for owner, _ in replaced)


def original(name: str) -> ModuleType:
    """The module called ``name`` as it was before any patch.

    Its functions see each other's originals, so ``original("socket").create_connection``
    makes original sockets. Classes that were not replaced are shared with the patched module.

    Returns:
      A module object of its own, not in ``sys.modules``.

    Raises:
      ModuleNotFoundError: there is no such module.
    """
    __import__(name)
    module = sys.modules[name]
    view = ModuleType(name, module.__doc__)
    names = view.__dict__
    names.update(vars(module))
    names.update({attr: pair[0] for (owner, attr), pair in replaced.items() if owner == name})
    for attr, value in list(names.items()):
        if isinstance(value, FunctionType) and value.__globals__ is vars(module):
            names[attr] = rebound(value, names)
    return view


def rebound(function: FunctionType, names: dict[str, object]) -> FunctionType:
    """A copy of ``function`` that looks its globals up in ``names``."""
    copy = FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__dict__.update(function.__dict__)
    copy.__annotations__ = function.__annotations__
    copy.__doc__ = function.__doc__
    copy.__qualname__ = function.__qualname__
    return copy


def sweep() -> None:
    """Repair what imported modules took by ``from x import name`` before the patch.

    A global, a class attribute or a function's default that *is* a replaced object becomes its
    replacement, whatever name it goes by.
    """
    by_id = {id(first): now for first, now in replaced.values() if not isinstance(first, PLAIN)}
    for module in modules():
        for name, value in list(vars(module).items()):
            if id(value) in by_id:
                setattr(module, name, by_id[id(value)])


def modules() -> Iterator[ModuleType]:
    """The imported modules that the patch may touch."""
    for name, module in list(sys.modules.items()):
        if isinstance(module, ModuleType) and name.partition(".")[0] not in EXEMPT:
            yield module
