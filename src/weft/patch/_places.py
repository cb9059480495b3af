"""Where in a program something stands: for :func:`weft.patch.unrepaired` and ``weft doctor``.

Owns nothing; nothing here parks.
"""

import ast
import gc
import os
import re
import sys
from collections.abc import Iterator
from functools import partial
from types import (
    FrameType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    ModuleType,
)
from typing import Any, NamedTuple

# So many references away from a module's globals an object's place is still looked for.
FAR = 8


class Left(NamedTuple):
    """What the patch came too late for."""

    # "" where no module's names lead to it.
    module: str
    # Within the module, as code would write it.
    path: str
    reason: str

    def __str__(self) -> str:
        line = line_of(self.module, self.path)
        place = f"{self.module}.{self.path}" if self.module else self.path
        return f"{place} ({line}): {self.reason}" if line else f"{place}: {self.reason}"


def place_of(target: object) -> tuple[str, str]:
    """The module whose globals lead to ``target``, and how; "" and its repr if none do."""
    edge: dict[int, tuple[object, str]] = {id(target): (target, "")}
    seen = {id(target)}
    for _ in range(FAR):
        objects = [each for each, _ in edge.values()]
        further: dict[int, tuple[object, str]] = {}
        for holder in gc.get_referrers(*objects):
            if id(holder) in seen or holder is objects or is_a(holder, FrameType):
                continue
            path = step(holder, edge)
            if path and is_a(holder, ModuleType):
                return holder.__name__, path.removeprefix(".")
            if path:
                further[id(holder)] = holder, path
        edge = further
        seen.update(edge)
    return "", repr(target)


def step(holder: object, edge: dict[int, tuple[object, str]]) -> str:
    """How code gets from ``holder`` to something in ``edge`` and on to what that leads to."""
    for name, held in items(holder):
        if id(held) in edge:
            return name + edge[id(held)][1]
    if not is_a(holder, dict):
        names: Any = attributes(holder)
        if id(names) in edge:
            # It is the object's own __dict__: ['name'] there is .name here.
            return re.sub(r"^\['(\w+)'\]", r".\1", edge[id(names)][1])
    return ""


def items(holder: Any) -> Iterator[tuple[str, object]]:
    """What ``holder`` holds, each with how code gets there: ``.name`` or ``[key]``."""
    if type(holder) is dict:
        yield from ((f"[{key!r}]", value) for key, value in list(holder.items()))
    elif is_a(holder, (list, tuple)):
        yield from ((f"[{index}]", value) for index, value in enumerate(holder))
    elif is_a(holder, partial):
        yield from ((".func", holder.func), (".args", holder.args))
    elif not is_a(holder, FunctionType):
        yield from ((f".{name}", value) for name, value in list(attributes(holder).items()))


def attributes(holder: object) -> dict[str, object]:
    """The attributes that ``holder`` keeps itself; runs none of its class's code."""
    for kind in type(holder).__mro__:
        how = vars(kind).get("__dict__")
        if type(how) is GetSetDescriptorType or type(how) is MemberDescriptorType:
            found: Any = how.__get__(holder)
            return found if is_a(found, dict) else dict(found or ())
        if how is not None:
            return {}  # a proxy's, which would ask its object
    return {}


def is_a(found: object, kind: type | tuple[type, ...]) -> bool:
    """``isinstance``, which would ask a proxy for the class of its object."""
    return issubclass(type(found), kind)


def line_of(module: str, path: str) -> str:
    """``file:line`` where ``path``'s first name is bound in ``module``; "" where unknown."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if not file or not file.endswith(".py"):
        return ""
    try:
        with open(file, "rb") as source:
            body = ast.parse(source.read()).body
    except (OSError, SyntaxError):
        return ""
    line = 0
    for name in path.split("."):
        statement = next((each for each in body if name.partition("[")[0] in bound(each)), None)
        if statement is None:
            break
        line = statement.lineno
        body = getattr(statement, "body", [])
    return f"{shorter(file)}:{line}" if line else ""


def bound(statement: ast.stmt) -> set[str]:
    """The names that ``statement`` binds, in the blocks within it too."""
    if isinstance(statement, ast.ClassDef | ast.FunctionDef):
        return {statement.name}
    found = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name.partition(".")[0])
    return found


def shorter(file: str) -> str:
    """``file`` as seen from here, if it lies below."""
    here = os.path.relpath(file) if file.startswith("/") else file
    return file if here.startswith("..") else here
