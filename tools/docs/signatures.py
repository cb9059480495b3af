"""Signatures and types as the source has them: a ``.pyi`` for a native module, else the ``.py``."""

import ast
import re
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
    """Put what ``body`` defines into ``found``, and what the classes and ``if`` in it define.

    An attribute's docstring, which stands below it, is put behind it.
    """
    above: list[ast.stmt] = []
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                above = found.setdefault(prefix + name, [])
            case ast.ClassDef(name=name):
                above = found.setdefault(prefix + name, [])
                collect(node.body, f"{prefix}{name}.", found)
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                above = found.setdefault(prefix + name, [])
            case ast.If():
                collect([*node.body, *node.orelse], prefix, found)
                continue
            case ast.Expr(value=ast.Constant(value=str())):
                pass  # to what is above
            case _:
                continue
        above.append(node)


def members(module: str, cls: str) -> list[str]:
    """The public methods, properties and annotated attributes of class ``cls``."""
    return [
        name[len(cls) + 1 :]
        for name, nodes in definitions(module).items()
        if re.fullmatch(rf"{cls}\.[^\W_]\w*", name) and not isinstance(nodes[0], ast.Assign)
    ]


def text_below(module: str, name: str) -> str:
    """The docstring below the attribute ``name`` in the source; empty without one."""
    nodes = definitions(module).get(name, [])
    if len(nodes) == 2 and isinstance(nodes[1], ast.Expr):
        return str(ast.literal_eval(nodes[1].value))
    return ""


def calls(module: str, name: str) -> list[str]:
    """How the function, method or class ``name`` is called, with types; several if overloaded.

    Returns:
      Texts like ``(fn: Callable[..., T], limit: int = 100) -> T``; empty for what is not called.
    """
    nodes = definitions(module).get(name, [])
    if nodes and isinstance(nodes[0], ast.ClassDef):
        made = definitions(module).get(f"{name}.__init__", [])
        return [call(module, node, bound=True, result=False) for node in made if is_made(node)]
    functions = [node for node in nodes if isinstance(node, Function)]
    if any(is_marked(node, "property") for node in functions):
        return []
    overloads = [node for node in functions if is_marked(node, "overload")]
    bound = "." in name
    return [call(module, node, bound=bound, result=True) for node in overloads or functions]


def is_made(node: ast.stmt) -> bool:
    """Whether the ``__init__`` ``node`` is for programs to call."""
    return isinstance(node, Function) and ast.unparse(node.args) != NOT_MADE


def is_marked(node: ast.stmt, mark: str) -> bool:
    """Whether ``node`` has the decorator ``mark``."""
    decorators = node.decorator_list if isinstance(node, Function) else []
    return any(ast.unparse(each) == mark for each in decorators)


def call(module: str, node: Function, *, bound: bool, result: bool) -> str:
    """The parameters of one definition, less ``self`` for a bound one, and its result."""
    arguments = ast.parse(f"def f({ast.unparse(node.args)}): ...").body[0].args  # a copy
    if bound and not is_marked(node, "staticmethod"):
        del (arguments.posonlyargs or arguments.args)[0]
    for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        each.annotation = each.annotation and unquoted(each.annotation)
    arguments.defaults = [value_of(module, each) for each in arguments.defaults]
    arguments.kw_defaults = [each and value_of(module, each) for each in arguments.kw_defaults]
    shown = f"({ast.unparse(arguments)})"
    return f"{shown} -> {ast.unparse(unquoted(node.returns))}" if result and node.returns else shown


def unquoted(annotation: ast.expr) -> ast.expr:
    """The type that ``annotation`` means, be it a string."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return ast.parse(annotation.value, mode="eval").body
    return annotation


def value_of(module: str, default: ast.expr) -> ast.expr:
    """The value of a default that is a constant of its module."""
    nodes = definitions(module).get(default.id, []) if isinstance(default, ast.Name) else []
    if nodes and isinstance(nodes[0], ast.Assign) and isinstance(nodes[0].value, ast.Constant):
        return nodes[0].value
    return default


def type_of(module: str, name: str) -> str:
    """The type of the attribute or property ``name``; empty where the source does not say."""
    for node in definitions(module).get(name, ()):
        if isinstance(node, ast.AnnAssign):
            return ast.unparse(node.annotation)
        if isinstance(node, Function) and node.returns:
            return ast.unparse(node.returns)
    return ""
