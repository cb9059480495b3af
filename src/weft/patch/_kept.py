"""Classes that inherit from originals, and containers that hold them.

A class whose base was replaced afterwards makes native objects. Where it can be
combined with weft's, it makes such from now on; else it is noted, as are lists,
dictionaries and attributes of objects in which an original lies: who keeps one
there may mean it. Nothing here parks.
"""

import sys
from collections.abc import Collection
from functools import partial
from types import FunctionType, ModuleType
from typing import Any

from weft.patch import _late, _registry
from weft.patch._places import Left, attributes, items

# What a class with neither slots nor a base that has them makes for itself.
SLOTS = ("__dict__", "__weakref__")


def adopt_heirs(original: Any, green: Any, what: str) -> None:
    """Let the classes that programs derived from ``original`` make objects of ``green``.

    Args:
      original: a class that is replaced.
      green: its counterpart.
      what: what is wrong with the objects of one that cannot.
    """
    for heir in type.__subclasses__(original):
        # The stdlib's one, SSLSocket, has a patch of its own.
        if heir is green or heir.__module__.partition(".")[0] in (*_registry.EXEMPT, "ssl"):
            continue
        try:
            if "__new__" in vars(heir):
                raise TypeError
            combine(heir, green)
        except TypeError:  # theirs and ours lie in the same place of the object
            if heir.__module__.partition(".")[0] in sys.stdlib_module_names:
                rebuild(heir, green)
                continue
            _registry.left.append(Left(heir.__module__, heir.__qualname__, what))
        else:
            heir.__new__ = maker(heir, green)
            _registry.undo.append(partial(delattr, heir, "__new__"))


def rebuild(heir: Any, green: Any) -> None:
    """Have ``heir``, one of the stdlib's locals, replaced by the same class on top of ``green``."""
    names = {key: value for key, value in vars(heir).items() if key not in SLOTS}
    made = type(heir)(heir.__name__, (green,), {**names, "__qualname__": heir.__qualname__})

    def moved(found: Any) -> Any:
        instead = made()
        instead.__dict__.update(found.__dict__)
        return instead

    _registry.taken_before[id(heir)] = heir, made
    _late.kinds.append(_late.Kind(heir, "local", moved, lambda found: ""))


def combine(heir: Any, green: Any) -> Any:
    """The class that is ``heir`` on top of ``green``."""
    names = {"__module__": heir.__module__, "__qualname__": heir.__qualname__}
    return type(heir)(heir.__name__, (heir, green), names)


def maker(heir: Any, green: Any) -> Any:
    """``heir.__new__``, for it and for what is derived from it."""
    combined: dict[type, Any] = {}

    def __new__(cls: Any, *args: Any, **keywords: Any) -> Any:  # noqa: N807
        if not issubclass(cls, green):
            cls = combined.get(cls) or combined.setdefault(cls, combine(cls, green))
        return super(heir, cls).__new__(cls, *args, **keywords)

    return __new__


def note_containers() -> None:
    """Note the originals in what modules' names lead to at one remove."""
    taken = _registry.taken_before
    apart = taken.keys().isdisjoint
    for names in _registry.modules():
        for name, value in list(names.items()):
            if apart(map(id, contents(value))):
                continue
            for step, held in items(value):
                if id(held) in taken:
                    called = getattr(held, "__qualname__", repr(held))
                    reason = f"{called} as it was before the patch"
                    place = str(names.get("__name__")), f"{name}{step}"
                    _registry.left.append(Left(*place, reason))


def contents(value: Any) -> Collection[object]:
    """What a container or an object holds; nothing of a module, a class or a function."""
    kind = type(value)
    if kind is dict:
        return value.values()  # type: ignore[no-any-return]
    if kind is list or kind is tuple:
        return value  # type: ignore[no-any-return]
    if kind is partial:
        return (value.func, value.args)
    if issubclass(kind, ModuleType | type | FunctionType) or kind.__module__ == "builtins":
        return ()
    return attributes(value).values()
