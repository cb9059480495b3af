"""`make lesson`: docs/lesson.md and docs/lesson.zh-CN.md, from the chapters and what they print.

    .venvs/lesson/bin/python tools/lesson_pages.py [chapters]

Runs the chapters named, as 06 or 06_load, or all of them; of the others, what the pages show stays.
The text is that of their docstrings; the pages' introductions stay as they are.
tests/lesson/test_pages.py fails when a page is out of date.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from weft.cli._chapters import Chapter, chapters, find  # noqa: E402

#: The pages, in the order of the languages in a docstring.
PAGES = [ROOT / "docs/lesson.md", ROOT / "docs/lesson.zh-CN.md"]
NOTE = "<!-- From here on written by tools/lesson_pages.py, from examples/lesson. -->"
NEEDS = ["Needs {}.", "需要 {}。"]
COMMAS = [", ", "、"]


def main() -> None:
    """Run chapters, and write both pages."""
    printed = shown()
    for chapter in named(sys.argv[1:]):
        print(f"-- {command(chapter)}")
        printed[chapter.path.stem] = output(chapter)
    for language, path in enumerate(PAGES):
        path.write_text(page(language, printed), encoding="utf-8")


def named(words: list[str]) -> list[Chapter]:
    """The programs to run: with a number, all of that chapter."""
    unknown = [word for word in words if not find(word)]
    if unknown:
        raise SystemExit(f"there is no chapter {unknown[0]!r}")
    wanted = {word.zfill(2) for word in words}
    return [
        chapter
        for chapter in chapters()
        if not words or chapter.number in wanted or chapter.path.stem in wanted
    ]


def command(chapter: Chapter) -> str:
    """How it is run, in the shortest way."""
    first = find(chapter.number) == chapter
    return f"weft lesson {chapter.number if first else chapter.path.stem}"


def output(chapter: Chapter) -> str:
    """What ``chapter`` prints.

    Raises:
      CalledProcessError: it does not end well; stderr says why.
    """
    words = [sys.executable, "-m", "weft", "lesson", chapter.path.stem]
    return subprocess.run(words, cwd=ROOT, stdout=-1, text=True, check=True).stdout.rstrip("\n")


def page(language: int, printed: dict[str, str]) -> str:
    """One of the pages, with what each program printed, by its name."""
    introduction = PAGES[language].read_text(encoding="utf-8").partition(NOTE)[0]
    sections = [section(language, chapter, printed) for chapter in chapters()]
    return "\n".join([f"{introduction}{NOTE}\n", *sections])


def section(language: int, chapter: Chapter, printed: dict[str, str]) -> str:
    """Title, text, source and output of a program."""
    first = find(chapter.number) == chapter
    title = f"## {chapter.number}" if first else "###"
    needs = dict.fromkeys([*chapter.needs, *chapter.packages])
    start = chapter.source.split("\n").index('"""', 1) + 3  # below the docstring
    parts = [
        f"{title} {chapter.title[language]}",
        chapter.text[language],
        *([NEEDS[language].format(COMMAS[language].join(needs))] if needs else []),
        f"```{{literalinclude}} ../examples/lesson/{chapter.path.name}\n"
        f":language: python\n:lines: {start}-\n```",
        f"```\n$ {command(chapter)}\n{printed.get(chapter.path.stem, '')}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def shown() -> dict[str, str]:
    """What the page in English says that each program printed, by its name."""
    block = re.compile(r"^```\n\$ weft lesson (\S+)\n(.*?)\n```$", re.DOTALL | re.MULTILINE)
    return {
        chapter.path.stem: printed
        for word, printed in block.findall(PAGES[0].read_text(encoding="utf-8"))
        if (chapter := find(word))
    }


def without_numbers(printed: str) -> str:
    """What two runs print alike: also the lengths of bars and gaps are numbers."""
    text = re.sub(r"\d+(?:\.\d+)?", "0", printed)
    return re.sub(r"([ =#.-])\1+", r"\1", text)


if __name__ == "__main__":
    main()
