"""What the green counterparts of stdlib modules share.

Owns nothing; nothing here parks.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def builtin(function: F) -> F:
    """Decorates what replaces a function written in C.

    Such a one does not turn into a method when a class has it as an attribute
    (``_select = select.select``); neither does a static method, which can be called as well.
    """
    return cast(F, _Builtin(function))


class _Builtin(staticmethod):  # type: ignore[type-arg]
    """Goes to other processes by its name, as a function does."""

    def __reduce__(self) -> str:
        return self.__qualname__


def take_over(stdlib: ModuleType, names: dict[str, Any]) -> None:
    """Complete the globals ``names`` of a counterpart with every other name of ``stdlib``.

    Its Python functions become copies that look their globals up in ``names``: so weft's
    ``create_connection`` makes a green socket, or whatever a test has put in its place.
    """
    for name, value in vars(stdlib).items():
        if name.startswith("__") or name in names:
            continue
        if isinstance(value, FunctionType) and value.__module__ == stdlib.__name__:
            value = rebound(value, names)
        names[name] = value


def rebound(function: F, names: dict[str, Any]) -> F:
    """A copy of a Python function that looks its globals up in ``names``."""
    original = cast(FunctionType, function)
    copy = FunctionType(
        original.__code__, names, original.__name__, original.__defaults__, original.__closure__
    )
    copy.__kwdefaults__ = original.__kwdefaults__
    copy.__qualname__ = original.__qualname__
    copy.__doc__ = original.__doc__
    return cast(F, copy)
