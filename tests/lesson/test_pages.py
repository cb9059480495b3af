"""docs/lesson.md and docs/lesson.zh-CN.md say what the chapters say and print."""

import sys
from pathlib import Path

import pytest

from weft.cli import _chapters

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import lesson_pages

# Those that need servers or packages are compared in tests/services.
PROGRAMS = [
    chapter.path.stem for chapter in _chapters.chapters() if not (chapter.needs or chapter.packages)
]


@pytest.mark.parametrize("language", [0, 1], ids=["English", "Chinese"])
def test_a_page_has_the_text_of_every_chapter(language) -> None:
    path = lesson_pages.PAGES[language]
    fresh = lesson_pages.page(language, lesson_pages.shown())
    assert path.read_text() == fresh, "a chapter has changed: run tools/lesson_pages.py NN"


def test_a_page_shows_the_output_of_every_chapter() -> None:
    printed = lesson_pages.shown()
    missing = [each.path.stem for each in _chapters.chapters() if each.path.stem not in printed]
    assert missing == [], "run tools/lesson_pages.py NN"


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_the_pages_show_is_what_is_printed(program, lesson) -> None:
    shown = lesson_pages.shown()[program]
    assert lesson_pages.without_numbers("\n".join(lesson(program))) == (
        lesson_pages.without_numbers(shown)
    ), f"it prints something else than the pages show: run tools/lesson_pages.py {program}"
