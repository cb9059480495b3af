"""Imports run one way. The order of the house is ``LAYERS``: a module imports its own layer and
those above it in the list, never one below, not even inside a function."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "weft"

LAYERS = [
    {"_errors"},
    {"_core"},
    {"lowlevel"},
    {"the primitives: every other _*.py", "events"},
    # The counterparts of stdlib modules.
    {"dns", "os", "queue", "select", "selectors", "signal", "socket", "ssl", "subprocess"}
    | {"threading", "time"},
    {"aio", "inspect", "patch", "servers", "testing", "trace"},
    # The package itself: its public names come from any layer so far.
    {"__init__"},
    {"compat", "integrations"},
    {"cli", "__main__"},
]
PRIMITIVES = 3

# `import` and `cimport`, in Cython, with names in parentheses or on one line.
CYTHON_FROM = re.compile(
    r"^\s*from\s+([\w.]+)\s+c?import\s+(?:\(([^)]*)\)|([^#\n]*))", re.MULTILINE
)
CYTHON_IMPORT = re.compile(r"^\s*c?import\s+([\w., ]+)", re.MULTILINE)


def layer(module: str) -> int:
    """The place of ``weft.x.y`` in ``LAYERS``.

    Raises:
      LookupError: nobody has decided where it belongs.
    """
    part = [*module.split("."), "__init__"][1]
    for number, names in enumerate(LAYERS):
        if part in names:
            return number
    if part.startswith("_"):
        return PRIMITIVES
    raise LookupError(f"{module} has no place in LAYERS")


def module_name(path: Path, source: Path) -> str:
    """``src/weft/_core/_hub.pyx`` is ``weft._core._hub``."""
    parts = path.relative_to(source.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, source: Path) -> Iterator[str]:
    """The full name of every module of weft that the file at ``path`` imports or cimports."""
    text = path.read_text()
    if path.suffix in (".pyx", ".pxd"):
        pairs = cython_imports(text)
    else:
        package = module_name(path, source).split(".")
        if path.stem != "__init__":
            package.pop()
        pairs = python_imports(ast.parse(text), package)
    for module, name in pairs:
        if module.split(".")[0] == "weft":
            yield with_submodule(module, name, source)


def with_submodule(module: str, name: str, source: Path) -> str:
    """``from module import name`` imports the module ``name`` where there is one."""
    inside = source.joinpath(*module.split(".")[1:], name)
    if name and (inside.is_dir() or any(inside.parent.glob(f"{name}.p*"))):
        return f"{module}.{name}"
    return module


def python_imports(tree: ast.AST, package: list[str]) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            yield from ((module, alias.name) for alias in node.names)


def cython_imports(text: str) -> Iterator[tuple[str, str]]:
    for module, *names in CYTHON_FROM.findall(text):
        listed = "".join(names).split(",")
        yield from ((module, name.split()[0]) for name in listed if name.split())
    for modules in CYTHON_IMPORT.findall(text):
        yield from ((part.split()[0], "") for part in modules.split(",") if part.split())


def violations(source: Path) -> list[str]:
    """Every import under ``source`` against the order, as ``importer imports imported``."""
    found = []
    for path in sorted(source.rglob("*.p*")):
        if path.suffix not in (".py", ".pyi", ".pyx", ".pxd"):
            continue
        importer = module_name(path, source)
        found += [
            f"{importer} imports {module}"
            for module in imported(path, source)
            if layer(module) > layer(importer)
        ]
    return found


def test_imports_run_one_way() -> None:
    assert violations(SOURCE) == []


def test_only_the_core_knows_greenlet() -> None:
    """What switches stacks is in one place; above it there are only tasks."""
    knows = re.compile(r"^\s*(cdef extern from .greenlet|(from|c?import) greenlet\b)", re.MULTILINE)
    seen = {path.parent.name for path in SOURCE.rglob("*.p*") if knows.search(text_of(path))}
    assert seen == {"_core"}
    sight = re.compile(r"cdef extern from .*greenlet")
    assert [p.name for p in SOURCE.rglob("*.p*") if sight.search(text_of(p))] == ["_greenlet.pxd"]


def text_of(path: Path) -> str:
    return path.read_text() if path.suffix in (".py", ".pyi", ".pyx", ".pxd") else ""


@pytest.fixture
def tree(tmp_path: Path):
    """A package in which every import goes the wrong way, each in another form."""
    files = {
        "__init__.py": "",
        "_errors.py": "from weft import _core",
        "_core/__init__.py": "",
        "_core/_hub.pyx": "from weft._core cimport _task\nfrom weft.lowlevel cimport (\n    x,\n)",
        "_core/_hub.pxd": "cimport weft._sync",
        "_core/_task.pyx": "def f():\n    import weft.socket\n",
        "lowlevel.py": "def f():\n    from ._tasks import spawn\n",
        "_tasks.py": "from weft._sync import Lock\nimport weft.socket as socket",
        "_sync.py": "from . import socket",
        "socket.py": "import socket\nfrom weft.patch import all",
        "patch/__init__.py": "from ..cli import main",
        "patch/_socket.py": "from weft import spawn",
        "cli/__init__.py": "import weft, weft.patch, weft.compat\nfrom weft._core._hub import x",
        "compat/__init__.py": "from weft import spawn\nfrom .. import cli",
    }
    for name, text in files.items():
        path = tmp_path / "weft" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "weft"


def test_the_test_sees_every_form_of_import(tree: Path) -> None:
    assert violations(tree) == [
        "weft._core._hub imports weft._sync",
        "weft._core._hub imports weft.lowlevel",
        "weft._core._task imports weft.socket",
        "weft._errors imports weft._core",
        "weft._sync imports weft.socket",
        "weft._tasks imports weft.socket",
        "weft.compat imports weft.cli",
        "weft.lowlevel imports weft._tasks",
        "weft.patch imports weft.cli",
        "weft.patch._socket imports weft",
        "weft.socket imports weft.patch",
    ]


def test_a_module_without_a_place_fails(tree: Path) -> None:
    (tree / "novelty.py").write_text("import weft.socket")
    with pytest.raises(LookupError, match="novelty"):
        violations(tree)
