"""README.zh-CN.md says what README.md says, paragraph by paragraph and row by row.

Compared is what must be the same in either language: code less its comments, which are translated;
the commands, names and links in the text; the figures of tables. Whoever changes README.md changes
README.zh-CN.md in the same commit. Who cannot write Chinese takes what others may look over: the
names and figures are the half that this test sees to.
"""

import re
from difflib import SequenceMatcher
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"

# A block of code, a row of a table, or a paragraph.
PART = re.compile(r"(?s:^```.*?^```$)|^\|.*$|(?:^(?!```|\|).+\n?)+", re.MULTILINE)
NAME = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
FIGURE = re.compile(r"\d(?:[\d.,]*\d)?")


def parts(page: Path) -> list[str]:
    """The page in its parts, without the line that leads to the other language."""
    text = re.sub(r"^\[.*\]\(README.*\.md\)$", "", page.read_text(), flags=re.MULTILINE)
    return PART.findall(text)


def essence(part: str) -> tuple[str, ...]:
    """What a part must have in either language, whatever the order of its words."""
    if part.startswith("```"):
        return ("code", re.sub(r" *#.*", "", part))
    if part.startswith("|"):
        cells = part.strip("|").split("|")
        return ("row", *(" ".join(sorted(names(cell) + FIGURE.findall(cell))) for cell in cells))
    level = re.match("#*", part)[0]
    return (f"text {level}", *sorted(names(part)))


def names(text: str) -> list[str]:
    """The commands, names and links in ``text``."""
    return NAME.findall(text) + LINK.findall(text)


def differences() -> list[str]:
    """The parts of each page that the other has not, each under the name of its page."""
    pages = (ENGLISH, parts(ENGLISH)), (CHINESE, parts(CHINESE))
    matcher = SequenceMatcher(None, *([*map(essence, found)] for _, found in pages), autojunk=False)
    return [
        f"only in {page.name}:\n{part}"
        for kind, *places in matcher.get_opcodes()
        if kind != "equal"
        for (page, found), (start, end) in zip(pages, (places[:2], places[2:]), strict=True)
        for part in found[start:end]
    ]


def test_the_readme_in_chinese_has_all_that_the_english_one_has_and_no_more() -> None:
    differ = "\n\n".join(differences())
    assert not differ, (
        f"bring the README that was left behind up to date with the other\n\n{differ}"
    )


def test_each_leads_to_the_other() -> None:
    assert "(README.zh-CN.md)" in ENGLISH.read_text()
    assert "(README.md)" in CHINESE.read_text()
