"""The chapters of the lesson: where they are, and what their docstrings say about them.

Owns: how a chapter's docstring is read (examples/lesson/README.md says how one is written).
"""

import ast
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[3]
# setup.py puts them here; a checkout has them where people look for examples.
INSTALLED = Path(__file__).with_name("chapters")
PLACE = INSTALLED if INSTALLED.is_dir() else ROOT / "examples" / "lesson"


class Chapter(NamedTuple):
    """One program of the lesson.

    Attributes:
      path: the file, ``NN_name.py``.
      title: of the chapter, in English and in Chinese.
      text: its paragraphs of Markdown, in English and in Chinese.
      patched: it is run by ``weft run``, not by ``python``.
      needs: the servers it cannot do without, as tools/services calls them.
      packages: what it imports that weft does not bring, as pip calls it.
    """

    path: Path
    title: tuple[str, str]
    text: tuple[str, str]
    patched: bool
    needs: list[str]
    packages: list[str]

    @property
    def number(self) -> str:
        """``06``; the same for all programs of a chapter."""
        return self.path.name.partition("_")[0]

    @property
    def source(self) -> str:
        return self.path.read_text(encoding="utf-8")


def chapters() -> list[Chapter]:
    """Every program of the lesson, in the order they are read."""
    return [read(path) for path in sorted(PLACE.glob("[0-9][0-9]_*.py"))]


def find(word: str) -> Chapter | None:
    """The chapter numbered so, ``6`` or ``06``, or the program named so, ``06_load``."""
    name = word.removesuffix(".py")
    for chapter in chapters():
        if name in (chapter.path.stem, chapter.number, chapter.number.removeprefix("0")):
            return chapter
    return None


def read(path: Path) -> Chapter:
    """What the docstring of the chapter at ``path`` says.

    Raises:
      ValueError: it is not written as examples/lesson/README.md asks.
    """
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    title, *paragraphs, lines = docstring.split("\n\n")
    fields = dict(line.split(": ", 1) for line in lines.splitlines() if ": " in line)
    english, _, chinese = title.partition("\n")
    runner = fields.get("Run", "").rpartition(" ")[0]
    if not chinese or runner not in ("python", "weft run"):
        raise ValueError(f"{path.name}: its docstring lacks the title in Chinese, or a Run: line")
    return Chapter(
        path,
        (english, chinese),
        (
            "\n\n".join(each for each in paragraphs if not is_chinese(each)),
            "\n\n".join(each for each in paragraphs if is_chinese(each)),
        ),
        runner == "weft run",
        fields.get("Needs", "").replace(",", " ").split(),
        fields.get("Packages", "").replace(",", " ").split(),
    )


def is_chinese(text: str) -> bool:
    """Whether a Chinese character is among ``text``."""
    return any("\u4e00" <= character <= "\u9fff" for character in text)
