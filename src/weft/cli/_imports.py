"""The import phase of a program: what its file imports, and where it patches; nothing else of it.

``weft doctor`` looks at a program this way. Of the file's top-level statements, those within
``if``, ``try`` and ``with`` included, the imports and the calls of ``weft.patch`` are run in their
order. The modules it imports are run, as importing does; its own work is not begun.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from typing import Any

import weft.patch
from weft.cli import launch

# Functions of weft.patch that patch nothing.
ASKING = ("is_patched", "original", "unpatch", "unrepaired")


class ImportPhase:
    """What running the imports of a file shows.

    Args:
      path: of the file.

    Raises:
      OSError: it cannot be read.
      SyntaxError: it is no Python.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        with open(path, "rb") as file:
            self.tree = ast.parse(file.read(), path)
        # What could not be imported: the line, and the error.
        self.failed: list[tuple[int, BaseException]] = []
        # Which line of the file brought in each module.
        self.brought = {"__main__": 0}
        # Where the program patches; 0 if it leaves that to ``weft run``.
        self.patched_at = self.first_patch()
        self.names: dict[str, Any] = {}

    def first_patch(self) -> int:
        """The line of the first call of ``weft.patch``, those at the top level before others."""
        own = dict(weft_names(self.tree))
        found = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                first, _, rest = dotted(node.func).partition(".")
                called = f"{own.get(first, '')}.{rest}".strip(".")
                if called.startswith("weft.patch.") and called.rpartition(".")[2] not in ASKING:
                    found.append(node.lineno)
        top = [statement.lineno for statement in flat(self.tree.body)]
        return min(found, key=lambda line: (line not in top, line), default=0)

    def run(self) -> None:
        """Run the imports in a fresh ``__main__``, patched before unless the program does so."""
        if not self.patched_at:
            weft.patch.all()
        launch.set_first_path(os.path.dirname(os.path.realpath(self.path)))
        self.names = vars(launch.new_main())
        self.names["__file__"] = self.path
        self.run_block(self.tree.body, self.failed)
        if self.patched_at and not weft.patch.is_patched("time"):
            weft.patch.all()  # it stands in a function, which is called after the imports

    def run_block(
        self, statements: list[ast.stmt], failed: list[tuple[int, BaseException]]
    ) -> None:
        for each in statements:
            if isinstance(each, ast.If):
                self.run_block(self.branch(each), failed)
            elif isinstance(each, ast.With):
                self.run_block(each.body, failed)
            elif isinstance(each, ast.Try):
                caught: list[tuple[int, BaseException]] = []
                self.run_block(each.body, caught)
                handler = each.handlers[0].body if each.handlers else []
                self.run_block(handler if caught else each.orelse, failed)
                self.run_block(each.finalbody, failed)
            elif isinstance(each, ast.Import | ast.ImportFrom) or self.patches(each):
                self.run_statement(each, failed)

    def patches(self, statement: ast.stmt) -> bool:
        return statement.lineno == self.patched_at and isinstance(statement, ast.Expr)

    def branch(self, statement: ast.If) -> list[ast.stmt]:
        """The branch that the program takes; neither where that hangs on what was not run."""
        try:
            chosen = eval(compile(ast.Expression(statement.test), self.path, "eval"), self.names)
        except Exception:
            return []
        return statement.body if chosen else statement.orelse

    def run_statement(self, statement: ast.stmt, failed: list[tuple[int, BaseException]]) -> None:
        before = set(sys.modules)
        try:
            exec(compile(ast.Module([statement], []), self.path, "exec"), self.names)
        except Exception as error:  # whatever a module raises as it is imported
            failed.append((statement.lineno, error))
        self.brought.update(dict.fromkeys(set(sys.modules) - before, statement.lineno))


def flat(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements, and those in ``if``, ``try`` and ``with`` among them."""
    for each in statements:
        yield each
        for block in ("body", "handlers", "orelse", "finalbody"):
            if isinstance(each, ast.If | ast.Try | ast.With | ast.ExceptHandler):
                yield from flat(getattr(each, block, []))


def weft_names(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """What the program calls weft's modules and functions: its name, the full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == "weft":
                    yield (alias.asname, alias.name) if alias.asname else ("weft", "weft")
        elif isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == "weft":
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def dotted(node: ast.expr) -> str:
    """``a.b.c`` as the program has it; "" for any other expression."""
    name = ""
    while isinstance(node, ast.Attribute):
        name = f".{node.attr}{name}"
        node = node.value
    return f"{node.id}{name}" if isinstance(node, ast.Name) else ""
