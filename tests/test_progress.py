"""The bar of a map: drawn on a terminal, if there is something to draw it with."""

import io
import sys
import types
from collections.abc import Iterator
from typing import ClassVar

import pytest

import weft
from weft import _progress


def turns(n: int) -> int:
    """Take ``n`` turns, and say so."""
    for _ in range(n):
        weft.checkpoint()
    return n


def fail(error: Exception) -> None:
    raise error


class Bar:
    """Stands for tqdm."""

    made: ClassVar[list["Bar"]] = []

    def __init__(self, total, file) -> None:
        self.total, self.file, self.count, self.open = total, file, 0, True
        self.made.append(self)

    def update(self) -> None:
        self.count += 1

    def close(self) -> None:
        self.open = False


class Terminal:
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A terminal for stderr, and no module known yet that draws on it."""
    shown = Terminal()
    monkeypatch.setattr(_progress, "sys", types.SimpleNamespace(stderr=shown))
    _progress.bar_class.cache_clear()
    Bar.made = []
    yield shown
    _progress.bar_class.cache_clear()


@pytest.fixture
def tqdm(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> type[Bar]:
    module = types.ModuleType("tqdm")
    module.tqdm = Bar
    monkeypatch.setitem(sys.modules, "tqdm", module)
    return Bar


def test_progress_counts_results(tqdm, terminal) -> None:
    assert list(weft.map(turns, [2, 1, 0], progress=True)) == [2, 1, 0]
    [bar] = tqdm.made
    assert (bar.total, bar.count, bar.open, bar.file) == (3, 3, False, terminal)


def test_progress_over_items_without_a_length(tqdm) -> None:
    for _ in weft.map(turns, iter([1, 2]), progress=True):
        assert tqdm.made[0].total is None


def test_progress_ends_with_a_failure(tqdm) -> None:
    with pytest.raises(ValueError):
        list(weft.map(fail, [ValueError()], progress=True))
    assert not tqdm.made[0].open


def test_without_tqdm_one_hint_is_logged(terminal, monkeypatch, caplog) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    for _ in range(2):
        assert list(weft.map(turns, [1], progress=True)) == [1]
    [record] = caplog.records
    assert "pip install 'weft[progress]'" in record.message


def test_nothing_is_drawn_off_a_terminal(tqdm, monkeypatch) -> None:
    for stderr in (io.StringIO(), None):
        monkeypatch.setattr(_progress, "sys", types.SimpleNamespace(stderr=stderr))
        assert list(weft.map(turns, [1], progress=True)) == [1]
    assert tqdm.made == []
