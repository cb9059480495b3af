"""What is shipped, what it needs, and what a machine that cannot build it is told."""

import os
import stat
import subprocess
import sys
import tarfile
import tomllib
from importlib.metadata import requires, version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_version_stands_in_one_place() -> None:
    assert version("weft") == PROJECT["version"]


def test_greenlet_is_all_that_is_needed_at_run_time() -> None:
    needed = [line for line in requires("weft") or [] if "extra ==" not in line]
    assert [line.split(">=")[0] for line in needed] == ["greenlet"]


def test_the_sdist_has_sources_types_and_nothing_generated(tmp_path: Path) -> None:
    build = "import sys, setuptools.build_meta as b; print(b.build_sdist(sys.argv[1]))"
    command = [sys.executable, "-c", build, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    with tarfile.open(tmp_path / done.stdout.split()[-1]) as archive:
        packed = {Path(*Path(name).parts[1:]).as_posix() for name in archive.getnames()}
    kinds = ("*.py", "*.pyi", "*.pyx", "*.pxd", "py.typed")
    shipped = [path for kind in kinds for path in (ROOT / "src" / "weft").rglob(kind)]
    assert {path.relative_to(ROOT).as_posix() for path in shipped} <= packed
    assert {"LICENSE", "Makefile", "setup.py", "pyproject.toml", "tests/conftest.py"} <= packed
    assert [name for name in packed if name.endswith((".c", ".so", ".pyc"))] == []


def test_the_lesson_is_installed_for_weft_lesson_to_find(tmp_path: Path) -> None:
    command = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    installed = {path.name for path in (tmp_path / "weft/cli/chapters").iterdir()}
    assert installed == {path.name for path in (ROOT / "examples/lesson").glob("*.py")}
    for native in (ROOT / "src/weft/_core").glob("*.so"):
        (tmp_path / "weft/_core" / native.name).symlink_to(native)
    words = "from weft.cli import _chapters as c; print(c.PLACE, len(c.chapters()))"
    done = subprocess.run(
        [sys.executable, "-c", words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{tmp_path / 'weft/cli/chapters'} {len(installed)}\n"


@pytest.fixture
def build_with(tmp_path: Path):
    """Try to build the core with the C compiler ``cc``: status and stderr."""

    def build(cc: str) -> tuple[int, str]:
        command = [sys.executable, "setup.py", "-q", "build_ext"]
        where = ["--build-lib", str(tmp_path), "--build-temp", str(tmp_path)]
        environment = {**os.environ, "CC": cc}
        done = subprocess.run(
            [*command, *where],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr

    return build


def test_without_a_compiler_the_build_says_what_to_install(build_with) -> None:
    """gevent#1899, gevent#2092: builds from source that failed with a wall of text."""
    status, stderr = build_with("no-such-compiler")
    assert status == 1
    assert "no-such-compiler is not installed" in stderr
    assert "apt install gcc python3-dev" in stderr
    assert "Traceback" not in stderr


COMPILER_WITHOUT_HEADERS = """#!/bin/sh
for word; do
    case $word in *.c) grep Python.h "$word" && exit 1;; esac
done
exit 0
"""


def test_without_headers_the_build_says_what_to_install(build_with, tmp_path: Path) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text(COMPILER_WITHOUT_HEADERS)
    compiler.chmod(stat.S_IRWXU)
    status, stderr = build_with(str(compiler))
    assert status == 1
    assert f"found no Python.h for {sys.executable}" in stderr
    assert "apt install python3-dev" in stderr
    assert "Traceback" not in stderr
