"""Lists the CPythons from 3.11 up that weft can be tested on, one a line, the caller's own first.

python3 tools/pythons.py
"""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from environment import announce, probe

OLDEST = (3, 11)
NEWEST_LOOKED_FOR = (3, 19)


def candidates() -> Iterator[str]:
    """Paths of interpreters: this one, then those on PATH, then pyenv's."""
    yield sys.executable
    for minor in range(OLDEST[1], NEWEST_LOOKED_FOR[1] + 1):
        found = shutil.which(f"python3.{minor}")
        if found:
            yield found
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(pyenv.glob("versions/3.*/bin/python3")))


def pythons() -> dict[str, str]:
    """One interpreter for each version, as ``{"3.12": path}``.

    Without headers or ``venv`` nothing can be built for an interpreter: it is left out, and named.
    The caller's own never is.
    """
    chosen: dict[str, str] = {}
    for path in candidates():
        found = probe(path)
        if not found or not found["ordinary"] or tuple(found["version"]) < OLDEST:
            continue
        version = ".".join(map(str, found["version"]))
        if version in chosen or not found["final"]:
            continue
        if path != sys.executable and not (found["venv"] and found["headers"]):
            announce(f"{path} is left out: it lacks Python.h or venv")
            continue
        chosen[version] = path
    return chosen


if __name__ == "__main__":
    for version, path in pythons().items():
        print(version, path)
