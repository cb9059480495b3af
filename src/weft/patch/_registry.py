"""What was replaced in the stdlib, by what, and what stood there before.

Owns: the record of every replaced name. Must not know: which names there are;
each module's own file in this package says that, with a function ``patch()``
and, where a module cannot be had unpatched by putting names back, ``original()``.
Nothing here parks.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from types import FunctionType, ModuleType
from typing import Any

from weft._modules import copy_of
from weft.patch._places import Left, is_a

# (module's name, attribute) -> what stood there before the first patch.
originals: dict[tuple[str, str], object] = {}
# Module's name -> attribute -> what stands there since the patch.
replacements: dict[str, dict[str, object]] = {}
# Module's name -> what else is done to it as it is imported.
hooks: dict[str, Callable[[ModuleType], object]] = {}
# Modules some of whose classes had an attribute replaced: the class has no second, original self.
changed_inside: set[str] = set()
# What modules took from a patched one before: id of the original -> (original, replacement).
taken_before: dict[int, tuple[object, object]] = {}
# Modules whose patch has been applied.
applied: set[str] = set()
# What was made before the patch and could not be replaced.
left: list[Left] = []
# Modules as they were, for those who asked.
unpatched: dict[str, ModuleType] = {}
# What takes the patch back: one call for each change, in the order of the changes.
undo: list[Callable[[], object]] = []
# Modules that keep what they took: our own, what we stand on, the importer itself, and those in C
# that it and the tools stand on, beneath ``os`` and ``signal``.
EXEMPT = (
    "weft",
    "greenlet",
    "importlib",
    "_frozen_importlib",
    "_frozen_importlib_external",
    "posix",
    "_signal",
)
# Values many modules share by chance: that one is the same object says nothing.
PLAIN = (type(None), bool, int, float, str, bytes, tuple)


def replace(owner: ModuleType | type, name: str, value: object, *, taken: bool = True) -> None:
    """Put ``value`` in place of ``owner.name``; the first original is the one remembered.

    Args:
      owner: a stdlib module, or a class of one.
      name: an attribute; where this version of Python has none, nothing is done.
      value: its green counterpart.
      taken: whether :func:`sweep` shall give it to those who took the original by name.
    """
    if name not in vars(owner):
        return
    present = vars(owner)[name]
    if isinstance(owner, ModuleType):
        originals.setdefault((owner.__name__, name), present)
        replacements.setdefault(owner.__name__, {})[name] = value
        if taken and present is not value and not isinstance(present, PLAIN):
            taken_before[id(present)] = present, value
    else:
        changed_inside.add(owner.__module__)
    put(owner, name, value)


def put(owner: object, name: str, value: object) -> None:
    """Set an attribute that :func:`original` need not know of; :func:`unpatch` puts it back.

    A class may have inherited it so far.
    """
    if name in vars(owner):
        undo.append(partial(setattr, owner, name, vars(owner)[name]))
    else:
        undo.append(partial(delattr, owner, name))
    setattr(owner, name, value)


def when_imported(name: str, change: Callable[[ModuleType], object]) -> None:
    """Have ``change`` called with the module ``name``: now, or as it is imported."""
    hooks[name] = change
    undo.append(partial(hooks.pop, name))
    if name in sys.modules:
        change(sys.modules[name])


def unpatch() -> None:
    """Take back every change, the last one first."""
    while undo:
        undo.pop()()
    applied.clear()
    left.clear()
    replacements.clear()


def original(name: str) -> ModuleType:
    """The module called ``name`` as it was before any patch; see ``weft.patch.original``."""
    if name not in unpatched:
        own = f"weft.patch._{name}"
        make = getattr(import_module(own), "original", None) if find_spec(own) else None
        if make:
            unpatched[name] = make()
        elif name in changed_inside:
            patched = {owner for owner, _ in originals} - {name}
            unpatched[name] = copy_of(name, {owner: original(owner) for owner in patched}, name)
        else:
            unpatched[name] = put_back(import_module(name))
    return unpatched[name]


def put_back(module: ModuleType) -> ModuleType:
    """A module with the originals of ``module``, whose functions see the originals too."""
    made = ModuleType(module.__name__, module.__doc__)
    names = vars(made)
    names.update(vars(module))
    names.update(
        {attr: value for (owner, attr), value in originals.items() if owner == made.__name__}
    )
    for attr, value in list(names.items()):
        if isinstance(value, FunctionType) and value.__globals__ is vars(module):
            names[attr] = rebound(value, names)
    return made


def rebound(function: FunctionType, names: dict[str, Any]) -> FunctionType:
    """A copy of ``function`` that looks its globals up in ``names``."""
    made = FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, function.__closure__
    )
    made.__kwdefaults__ = function.__kwdefaults__
    made.__annotations__ = function.__annotations__
    made.__qualname__ = function.__qualname__
    made.__doc__ = function.__doc__
    made.__dict__.update(function.__dict__)
    return made


def sweep() -> None:
    """Repair what modules took before the patch, as by ``from time import sleep``.

    A global, a class attribute or a function's default that *is* a replaced
    object becomes its replacement, whatever name it goes by.
    """
    for names in modules():
        repair(names, names.__setitem__)
        for owned in classes(names):
            repair(vars(owned), partial(setattr, owned))


def repair(names: Mapping[str, Any], put: Callable[[str, Any], None]) -> None:
    for name, value in list(names.items()):
        if id(value) in taken_before:
            put(name, taken_before[id(value)][1])
            undo.append(partial(put, name, value))
        elif type(value) is FunctionType:
            defaults, keywords = value.__defaults__, dict(value.__kwdefaults__ or {})
            if repair_defaults(value, taken_before):
                undo.append(partial(set_defaults, value, defaults, keywords))


def repair_defaults(function: FunctionType, swaps: dict[int, tuple[object, object]]) -> bool:
    """Exchange the defaults of ``function`` that ``swaps`` has: id -> (itself, replacement)."""
    defaults = function.__defaults__ or ()
    keywords: dict[str, Any] = function.__kwdefaults__ or {}
    if not any(id(value) in swaps for value in (*defaults, *keywords.values())):
        return False
    if defaults:
        function.__defaults__ = tuple(swaps.get(id(value), (None, value))[1] for value in defaults)
    for name, value in keywords.items():
        if id(value) in swaps:
            keywords[name] = swaps[id(value)][1]
    return True


def set_defaults(function: FunctionType, defaults: Any, keywords: dict[str, Any]) -> None:
    function.__defaults__ = defaults
    (function.__kwdefaults__ or {}).update(keywords)


def modules() -> Iterator[dict[str, Any]]:
    """The globals of every imported module that the patch may touch."""
    return (names for _, names in named_modules())


def named_modules() -> Iterator[tuple[str, dict[str, Any]]]:
    """:func:`modules`, each with the name it was imported by."""
    for name, module in list(sys.modules.items()):
        # Not isinstance: some, as those of cffi, only say that they are modules.
        if is_a(module, ModuleType) and name.partition(".")[0] not in EXEMPT:
            # Not by attribute, which would load a module that loads lazily.
            yield name, ModuleType.__getattribute__(module, "__dict__")


def classes(names: dict[str, Any]) -> Iterator[type]:
    """The classes that the module with these globals defines at its top level in Python."""
    for value in list(names.values()):
        # isinstance would ask a proxy for its object's class.
        if issubclass(type(value), type) and vars(value).get("__module__") == names.get("__name__"):
            yield value
