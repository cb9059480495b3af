"""The public names, kept in ``api.txt``: none comes or goes unnoticed.

After a change that means it, write the list anew:

    .venv/bin/python tests/house/test_api.py
"""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

SNAPSHOT = Path(__file__).with_name("api.txt")
MODULES = ["weft", "weft.events", "weft.lowlevel", "weft.testing"]


def public_names(module: str) -> list[str]:
    """The names that ``dir(module)`` shows without an underscore.

    Asked in a fresh process: a submodule that anybody imports becomes an attribute of its package.
    """
    show = f"import {module} as m; print(*(n for n in dir(m) if n[0] != '_'))"
    return subprocess.run(
        [sys.executable, "-c", show], capture_output=True, text=True, check=True
    ).stdout.split()


def all_names() -> list[str]:
    return [f"{module}.{name}" for module in MODULES for name in public_names(module)]


def test_the_public_names_are_those_of_the_snapshot() -> None:
    assert all_names() == SNAPSHOT.read_text().split()


@pytest.mark.parametrize("full_name", all_names())
def test_a_public_name_is_there_and_documented(full_name: str) -> None:
    module, _, name = full_name.rpartition(".")
    assert getattr(importlib.import_module(module), name).__doc__


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    weft = importlib.import_module("weft")
    with pytest.raises(AttributeError, match="'weft' has no attribute 'no_such_name'"):
        _ = weft.no_such_name


if __name__ == "__main__":
    SNAPSHOT.write_text("\n".join(all_names()) + "\n")
