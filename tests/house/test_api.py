"""The public names, kept in ``api.txt``: none comes or goes unnoticed.

After a change that means it, write the list anew:

    .venv/bin/python tests/house/test_api.py
"""

import importlib
from pathlib import Path

import pytest

SNAPSHOT = Path(__file__).with_name("api.txt")
MODULES = ["weft", "weft.lowlevel"]


def names(module: str) -> list[str]:
    """What ``from module import *`` gives, as full names, sorted."""
    return sorted(f"{module}.{name}" for name in importlib.import_module(module).__all__)


def all_names() -> list[str]:
    return [name for module in MODULES for name in names(module)]


def test_the_public_names_are_those_of_the_snapshot() -> None:
    assert all_names() == SNAPSHOT.read_text().split()


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_there_and_documented(module: str) -> None:
    loaded = importlib.import_module(module)
    undocumented = [
        name
        for name in loaded.__all__
        if callable(getattr(loaded, name)) and not getattr(loaded, name).__doc__
    ]
    assert undocumented == []


@pytest.mark.parametrize("module", MODULES)
def test_dir_shows_the_public_names(module: str) -> None:
    """Lazily imported ones too, for those who explore at the prompt."""
    loaded = importlib.import_module(module)
    assert set(loaded.__all__) <= set(dir(loaded))


if __name__ == "__main__":
    SNAPSHOT.write_text("\n".join(all_names()) + "\n")
