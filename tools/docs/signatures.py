"""Signatures and types as the source has them: a ``.pyi`` for a native module, else the ``.py``."""

import ast
from functools import cache
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "src"

Function = ast.FunctionDef | ast.AsyncFunctionDef

# How the stubs write of a class that programs get, and do not make.
NOT_MADE = "self, *args: object, **kwargs: object"


@cache
def definitions(module: str) -> dict[str, list[ast.stmt]]:
    """Every definition in ``module`` by its dotted name, in the order of the source.

    Overloads are several definitions under one name.
    """
    path = SOURCES.joinpath(*module.split("."))
    files = [path.with_suffix(".pyi"), path.with_suffix(".py"), path / "__init__.py"]
    file = next((file for file in files if file.exists()), None)
    found: dict[str, list[ast.stmt]] = {}
    if file is not None:
        collect(ast.parse(file.read_text()).body, "", found)
    return found


def collect(body: list[ast.stmt], prefix: str, found: dict[str, list[ast.stmt]]) -> None:
    """Put what ``body`` defines into ``found``, and what the classes and ``if`` in it define."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef):
            found.setdefault(prefix + node.name, []).append(node)
        if isinstance(node, ast.ClassDef):
            collect(node.body, f"{prefix}{node.name}.", found)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.setdefault(prefix + node.target.id, []).append(node)
        elif isinstance(node, ast.If):
            collect([*node.body, *node.orelse], prefix, found)


def members(module: str, cls: str) -> list[str]:
    """The public names that the source of class ``cls`` defines."""
    inside = [name[len(cls) + 1 :] for name in definitions(module) if name.startswith(f"{cls}.")]
    return [name for name in inside if name.isidentifier() and not name.startswith("_")]


def calls(module: str, name: str) -> list[str]:
    """How the function, method or class ``name`` is called, with types; several if overloaded.

    Returns:
      Texts like ``(fn: Callable[..., T], limit: int = 100) -> T``; empty for what is not called.
    """
    nodes = definitions(module).get(name, [])
    if nodes and isinstance(nodes[0], ast.ClassDef):
        made = definitions(module).get(f"{name}.__init__", [])
        return [call(node, bound=True, result=False) for node in made if is_made(node)]
    functions = [node for node in nodes if isinstance(node, Function)]
    if any(is_marked(node, "property") for node in functions):
        return []
    overloads = [node for node in functions if is_marked(node, "overload")]
    return [call(node, bound="." in name, result=True) for node in overloads or functions]


def is_made(node: ast.stmt) -> bool:
    """Whether the ``__init__`` ``node`` is for programs to call."""
    return isinstance(node, Function) and ast.unparse(node.args) != NOT_MADE


def is_marked(node: ast.stmt, mark: str) -> bool:
    """Whether ``node`` has the decorator ``mark``."""
    decorators = node.decorator_list if isinstance(node, Function) else []
    return any(ast.unparse(each) == mark for each in decorators)


def call(node: Function, *, bound: bool, result: bool) -> str:
    """The parameters of one definition, less ``self`` for a bound one, and its result."""
    arguments = ast.parse(f"def f({ast.unparse(node.args)}): ...").body[0].args  # a copy
    if bound and not is_marked(node, "staticmethod"):
        del (arguments.posonlyargs or arguments.args)[0]
    shown = f"({ast.unparse(arguments)})"
    return f"{shown} -> {ast.unparse(node.returns)}" if result and node.returns else shown


def type_of(module: str, name: str) -> str:
    """The type of the attribute or property ``name``; empty where the source does not say."""
    for node in definitions(module).get(name, ()):
        if isinstance(node, ast.AnnAssign):
            return ast.unparse(node.annotation)
        if isinstance(node, Function) and node.returns:
            return ast.unparse(node.returns)
    return ""
