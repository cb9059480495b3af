"""A Sphinx extension: the blocks of docs/reference become the documentation of what they name.

A block names a module, and what of it to describe; without names, it is the module's docstring:

    ```{api} weft
    spawn
    Task
    ```

The docstrings are those of the imported objects, be they native or not, the signatures those of
the source. With warnings as errors, three things fail the build: a name that is not there, one
without a docstring, and a docstring's reference to a name of weft that is nowhere on the site.
"""

import inspect
import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

import sections
import signatures
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

BLOCK = re.compile(r"^```\{api\} (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

log = logging.getLogger(__name__)


def expand(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put reStructuredText in place of the blocks of one page."""

    def rest(match: re.Match[str]) -> str:
        module, names = match[1], match[2].split()
        lines = [line for name in names for line in described(module, name)]
        text = "\n".join([f".. py:currentmodule:: {module}", "", *lines] if names else told(module))
        return f"~~~~~~{{eval-rst}}\n{text}\n~~~~~~"

    source[0] = BLOCK.sub(rest, source[0])


def told(module: str) -> list[str]:
    """The docstring of ``module``, less what is for those who change it."""
    text = inspect.cleandoc(import_module(module).__doc__ or "")
    return [f".. py:module:: {module}", "", *sections.to_rest(sections.without_notes(text))]


def described(module: str, name: str) -> Iterator[str]:
    """The documentation of one public name, a class with its members."""
    obj = getattr(import_module(module), name, None)
    text = docstring(obj, name)
    if not text:
        log.warning("%s.%s %s", module, name, "has no docstring" if obj else "is not there")
        return
    where, native_name = home(obj)
    kind = "function"
    if inspect.isclass(obj):
        kind = "exception" if issubclass(obj, BaseException) else "class"
    # How an exception is made is seldom anybody's business: programs catch them.
    called = [] if kind == "exception" else signatures.calls(where, native_name)
    if kind == "function" and not called:
        log.warning("%s.%s: no signature of %s in the source of %s", module, name, obj, where)
    yield from directive(kind, name, called)
    if f"{where}.{native_name}" != f"{module}.{name}":
        yield f"   :canonical: {where}.{native_name}"
    yield ""
    if kind == "exception":
        yield f"   A {', '.join(f':class:`{base.__name__}`' for base in obj.__bases__)}."
        yield ""
    yield from indented(sections.to_rest(text))
    if inspect.isclass(obj):
        yield from indented(described_members(module, obj))


def described_members(module: str, cls: type) -> Iterator[str]:
    """The documented members of ``cls``, and of those of its bases that are not public."""
    public = import_module(module).__all__
    done: set[str] = set()
    for each in cls.__mro__:
        where, name = home(each)
        if each is not cls and (each.__name__ in public or not where.startswith("weft.")):
            continue
        for member in signatures.members(where, name):
            text = signatures.text_below(where, f"{name}.{member}") or docstring(
                inspect.getattr_static(each, member, None), member
            )
            if text and member not in done:
                done.add(member)
                yield from described_member(where, f"{name}.{member}", text)


def described_member(module: str, name: str, text: str) -> Iterator[str]:
    """The documentation of one method or attribute."""
    member = name.rpartition(".")[2]
    called = signatures.calls(module, name)
    yield from directive("method" if called else "attribute", member, called)
    shown = "" if called else signatures.type_of(module, name)
    if shown:
        yield f"   :type: {shown}"
    yield ""
    yield from indented(sections.to_rest(text))


def directive(kind: str, name: str, called: list[str]) -> Iterator[str]:
    """The head of a description; an overloaded function has a line for each way to call it."""
    first, *others = called or [""]
    yield f".. py:{kind}:: {name}{first}"
    yield from (f"{' ' * len(f'.. py:{kind}:: ')}{name}{other}" for other in others)


def docstring(obj: Any, name: str) -> str:
    """The docstring of ``obj`` less the signature that Cython puts on its first line."""
    text = inspect.cleandoc(getattr(obj, "__doc__", None) or "")
    first, _, rest = text.partition("\n")
    return rest.strip() if first.startswith(f"{name}(") else text


def home(obj: Any) -> tuple[str, str]:
    """The module that defines ``obj``, and its name there."""
    return obj.__module__, obj.__qualname__


def indented(lines: Iterable[str]) -> Iterator[str]:
    """``lines`` one level deeper."""
    return (f"   {line}" if line else "" for line in lines)


def find_reference(
    app: Sphinx, env: Any, node: nodes.Element, text: nodes.Node
) -> nodes.Element | None:
    """Resolve a class named in a signature, as its module names it, to where it is public."""
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or not target:
        return None
    domain = env.domains.python_domain
    for module in (node.get("py:module"), "weft"):
        public = f"{module}.{target.rpartition('.')[2]}"
        if node["reftype"] == "class" and public in domain.objects:
            doc = node["refdoc"]
            return domain.resolve_xref(env, doc, app.builder, "class", public, node, text)
    if target.startswith("weft.") and "._" not in target:
        log.warning("nothing on the site is named %s", target, location=node)
    return None


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", expand)
    app.connect("missing-reference", find_reference)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
