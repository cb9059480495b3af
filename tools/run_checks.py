"""`make check`: lint, formatting, types and layers, each of them whatever the others say.

.venv/bin/python tools/run_checks.py
"""

import os
import subprocess
import sys

from environment import ROOT, announce

PYTHON_SOURCES = ["src", "tests", "tools", "examples", "setup.py"]


def native_modules() -> list[str]:
    """The native modules that have a hand-written ``.pyi`` to be compared with."""
    found = sorted((ROOT / "src/weft/_core").glob("*.pyi"))
    return [f"weft._core.{path.stem}" for path in found if path.stem != "__init__"]


def steps() -> dict[str, list[str]]:
    """What is run, by the name it is reported under; each is a program of the environment."""
    sources = [*PYTHON_SOURCES, *(["bench"] if (ROOT / "bench").exists() else [])]
    return {
        "lint": ["ruff", "check", *sources],
        "format": ["ruff", "format", "--check", *sources],
        "cython-lint": ["cython-lint", "src/weft/_core"],
        "types": ["mypy"],
        "stubs": [
            "stubtest",
            "--concise",
            "--allowlist",
            "tools/stubtest.allow",
            *native_modules(),
        ],
        "layers": ["pytest", "tests/house/test_layers.py"],
        "changes": ["towncrier", "build", "--draft", "--version", "next"],
    }


def main() -> None:
    """Run every step, and end with how many were clean."""
    # For them, and for what they start: cython-lint wants pycodestyle.
    os.environ["PATH"] = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
    bad = []
    todo = steps()
    for name, words in todo.items():
        announce(name)
        if subprocess.run(words, cwd=ROOT, check=False).returncode:
            bad.append(name)
    if bad:
        announce(f"not clean: {', '.join(bad)}")
    print(f"check: {len(todo) - len(bad)} passed, {len(bad)} failed")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
