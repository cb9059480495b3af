"""README.zh-CN.md says what README.md says: the same commands, code, tables and links.

Whoever changes README.md changes README.zh-CN.md in the same way. Code stays as it is, but for its
comments, which are translated; so do names, figures and links in the text around it. Who cannot
write Chinese translates the new words by the help of the old and says so in the commit.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"

CODE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
FIGURE = re.compile(r"\d[\d.,]*\d|\d")

TODO = (
    "README.md and README.zh-CN.md differ: change the one that was left behind (see the head of "
    "tests/docs/test_translation.py)"
)


def code(page: Path) -> list[str]:
    """The page's blocks of code and commands, without their comments."""
    blocks = CODE.findall(page.read_text())
    return [f"{kind}\n" + re.sub(r" *#.*", "", text) for kind, text in blocks]


def sections(page: Path) -> list[str]:
    """The page's text, heading by heading, without the blocks of code."""
    return re.split(r"^(?=#)", CODE.sub("", page.read_text()), flags=re.MULTILINE)


def told(text: str) -> dict[str, list[str]]:
    """What a paragraph must have in either language, whatever the order of its words."""
    targets = [target for target in LINK.findall(text) if not target.startswith("README")]
    return {
        "level": re.findall(r"^#+", text, re.MULTILINE),
        "commands and names": sorted(SPAN.findall(text)),
        "links": sorted(targets),
    }


def table_rows(page: Path) -> list[str]:
    """The rows of all tables."""
    return [line for line in page.read_text().splitlines() if line.startswith("|")]


def row(line: str) -> list[tuple[str, ...]]:
    """What each cell of a row must have in either language: names, links, figures."""
    cells = line.strip("|").split("|")
    return [
        tuple(sorted([*SPAN.findall(cell), *LINK.findall(cell), *FIGURE.findall(cell)]))
        for cell in cells
    ]


def test_the_code_is_the_same_but_for_comments() -> None:
    assert code(CHINESE) == code(ENGLISH), TODO


def test_the_tables_have_the_same_rows() -> None:
    assert len(table_rows(CHINESE)) == len(table_rows(ENGLISH)), TODO


@pytest.mark.parametrize(
    ("english", "chinese"),
    [*zip(table_rows(ENGLISH), table_rows(CHINESE), strict=False)],
    ids=lambda line: line[2:30],
)
def test_a_row_has_the_same_names_links_and_figures(english: str, chinese: str) -> None:
    assert row(chinese) == row(english), f"{TODO}:\n{english}\n{chinese}"


def test_there_are_the_same_sections() -> None:
    assert len(sections(CHINESE)) == len(sections(ENGLISH)), TODO


@pytest.mark.parametrize(
    ("english", "chinese"),
    [*zip(sections(ENGLISH), sections(CHINESE), strict=False)],
    ids=lambda text: text[:20].splitlines()[0] if text else "head",
)
def test_a_section_has_the_same_commands_names_and_links(english: str, chinese: str) -> None:
    assert told(chinese) == told(english), TODO


def test_each_links_to_the_other() -> None:
    assert "(README.zh-CN.md)" in ENGLISH.read_text()
    assert "(README.md)" in CHINESE.read_text()
