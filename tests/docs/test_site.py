"""The site's pages: all of them in the navigation, every link good, every public name described.

``make docs`` says the same of what it builds, and more; this needs no Sphinx, and holds for those
who read the pages as files.
"""

import importlib
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
READ_AS_FILES = [*sorted(ROOT.glob("README*.md")), *sorted((ROOT / "bench").glob("*.md")), *PAGES]
MODULES = sorted(page.stem for page in (DOCS / "reference").glob("weft*.md"))
#: Public by name, and not for programs to import.
NOT_DESCRIBED = {"weft.cli", "weft.integrations"}


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return re.sub(r"^(```+).*?^\1$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


# -- navigation ----------------------------------------------------------------------------


def navigation() -> list[str]:
    """The pages that docs/index.md lists, as ``howto/fetch``."""
    trees = re.findall(r"```\{toctree\}\n(.*?)```", (DOCS / "index.md").read_text(), re.DOTALL)
    lines = [line for tree in trees for line in tree.splitlines()]
    return [line for line in lines if line and not line.startswith(":")]


def test_every_page_is_in_the_navigation_once() -> None:
    pages = {page.relative_to(DOCS).with_suffix("").as_posix() for page in PAGES} - {"index"}
    listed = navigation()
    assert sorted(pages - set(listed)) == [], "add a line for it to a toctree of docs/index.md"
    assert sorted(set(listed) - pages) == [], "docs/index.md lists pages that are not there"
    assert len(listed) == len(set(listed)), "docs/index.md lists a page twice"


# -- links ---------------------------------------------------------------------------------


@cache
def anchors(page: Path) -> set[str]:
    """What ``#`` may name in ``page``: its headings, as GitHub and the site turn them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


def links() -> list[tuple[Path, str]]:
    """Every link to a file or heading of the project, with the page it stands on."""
    return [
        (page, target)
        for page in READ_AS_FILES
        for target in re.findall(r"\]\(([^)\s]+)\)", prose(page))
        if "://" not in target
    ]


@pytest.mark.parametrize(("page", "target"), links(), ids=lambda each: getattr(each, "name", each))
def test_a_link_leads_somewhere(page: Path, target: str) -> None:
    file, _, anchor = target.partition("#")
    there = (page.parent / file).resolve() if file else page
    assert there.exists(), f"{page.relative_to(ROOT)} links to {target}"
    assert not anchor or anchor in anchors(there), f"{target}: no such heading"
    if DOCS in page.parents:
        assert DOCS in there.parents, f"{target} is not on the site: name it as `{there.name}`"


# -- the reference -------------------------------------------------------------------------


def blocks() -> list[tuple[str, str]]:
    """Every block of docs/reference: the module, and what of it is described."""
    pages = "\n".join(page.read_text() for page in (DOCS / "reference").glob("*.md"))
    return re.findall(r"```\{api\} (\S+)\n(.*?)```", pages, re.DOTALL)


def test_every_public_module_is_in_the_reference() -> None:
    found = {path.stem for path in (ROOT / "src/weft").iterdir() if path.name[0].isalpha()}
    public = {f"weft.{name}" for name in found - {"py"}} - NOT_DESCRIBED
    missing = sorted(public - {module for module, _ in blocks()})
    assert missing == [], "give it a page as docs/reference/weft.servers.md is"


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_in_the_reference(module: str) -> None:
    here, weft = importlib.import_module(module), importlib.import_module("weft")
    names = {
        name
        for name in here.__all__
        # What a module has from weft is described there.
        if here is weft or getattr(here, name) is not getattr(weft, name, None)
    }
    listed = {name for place, text in blocks() if place == module for name in text.split()}
    if module == "weft.servers":
        names.add("serve_tcp")
    page = f"docs/reference/{module}.md"
    assert sorted(names - listed) == [], f"add it to a block of {page}"
    assert sorted(listed - names) == [], f"{page} describes what {module} does not have"
