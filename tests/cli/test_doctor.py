"""``weft doctor``: what is patched, what came too late, how the installed packages wait."""

import sys
from pathlib import Path

import pytest

from weft.cli import _drivers
from weft.patch import _integrations

EARLY = "import threading\nheld = threading.Lock()\nheld.acquire()\n"


@pytest.fixture
def doctor(run_python, tmp_path: Path):
    """Run ``weft doctor`` in the test's directory; the words of stdout, its status, stderr."""

    def run(*words: str, **env: str) -> tuple[str, int, str]:
        done = run_python("-m", "weft", "doctor", *words, env=env or None)
        return " ".join(done.stdout.split()), done.returncode, done.stderr

    return run


def install(site: Path, name: str, version: str, module: str = "") -> None:
    """What is left of an installed package when it is only looked for."""
    info = site / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    if module:
        (site / f"{module}.py").touch()


def test_alone_it_says_what_is_patched(doctor) -> None:
    stdout, status, stderr = doctor()
    assert "weft run and weft.patch.all() patch:" in stdout
    assert "select, selectors, signal, socket, ssl" in stdout
    assert "sqlite3: Part of Python" in stdout
    assert (status, stderr) == (0, "")


def test_what_came_too_late_is_named_with_its_lines(doctor, tmp_path: Path) -> None:
    (tmp_path / "early.py").write_text(EARLY)
    (tmp_path / "prog.py").write_text(
        "import os\nimport early\nimport weft.patch\nweft.patch.all()\n"
    )
    stdout, status, stderr = doctor("prog.py")
    assert "prog.py patches at line 4. Too late to repair:" in stdout
    assert "- early.held (early.py:2): a lock that is held; imported at prog.py:2 " in stdout
    assert "or by weft run prog.py" in stdout
    assert (status, stderr) == (1, "")


def test_a_program_that_patches_first_is_well(doctor, tmp_path: Path) -> None:
    (tmp_path / "early.py").write_text(EARLY)
    (tmp_path / "prog.py").write_text("import weft.patch\nweft.patch.all()\nimport early\n")
    stdout, status, _ = doctor("prog.py")
    assert "patches at line 2. Nothing came too late." in stdout
    assert status == 0


def test_a_program_that_does_not_patch_is_patched_before_it(doctor, tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text("import socket\nfrom time import sleep\nimport logging\n")
    stdout, status, _ = doctor("prog.py")
    assert "prog.py does not patch; looked at as weft run starts it" in stdout
    assert "Nothing came too late." in stdout
    assert status == 0


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("import weft.patch as p\np.all()", 2),
        ("from weft import patch\nif True:\n    patch.socket()", 3),
        ("from weft.patch import all as patch_all\npatch_all(ssl=False)", 2),
        ("import weft.patch\ntry:\n    weft.patch.all()\nexcept ImportError:\n    pass", 3),
        (
            "import weft.patch\ndef main():\n    weft.patch.all()\nweft.patch.original('x')",
            3,
        ),
        ("import json as weft\nweft.dumps({})", 0),
    ],
)
def test_it_finds_where_a_program_patches(source, line, doctor, tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text(source)
    stdout, status, stderr = doctor("prog.py")
    assert (f"patches at line {line}." if line else "does not patch") in stdout
    assert (status, stderr) == (0, "")


def test_only_imports_are_run(doctor, tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text("print('loud is imported')")
    (tmp_path / "prog.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import not_for_running\n"
        "if __name__ == '__main__':\n    import loud\n    print('at work')\n"
        "if loud_is_unknown():\n    import not_reached\n"
        "try:\n    import fast_json\nexcept ImportError:\n    import json as fast_json\n"
        "print('at work')\nopen('made', 'w')\n"
        "class Service:\n    print('at work')\n"
    )
    stdout, status, stderr = doctor("prog.py")
    assert "at work" not in stdout
    assert stderr == "loud is imported\n"
    assert "could not be run" not in stdout
    assert not (tmp_path / "made").exists()
    assert status == 0


def test_an_import_that_fails_is_told(doctor, tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text("import json\nimport no_such_module\n")
    stdout, status, _ = doctor("prog.py")
    assert "Line 2 could not be run: ModuleNotFoundError: No module named" in stdout
    assert status == 1


def test_another_patch_is_told(doctor, tmp_path: Path) -> None:
    """As with gevent itself, whose ``monkey`` keeps what it replaced in ``saved``."""
    (tmp_path / "gevent").mkdir()
    (tmp_path / "gevent" / "__init__.py").touch()
    (tmp_path / "gevent" / "monkey.py").write_text("saved = {'socket': {'socket': object}}")
    (tmp_path / "prog.py").write_text("import gevent.monkey\n")
    stdout, status, _ = doctor("prog.py")
    assert "gevent has patched the stdlib, too" in stdout
    assert status == 1


@pytest.mark.parametrize(
    ("source", "complaint"), [(None, "No such file"), ("import (", "invalid syntax")]
)
def test_what_cannot_be_read_is_wrong_usage(source, complaint, doctor, tmp_path: Path) -> None:
    if source:
        (tmp_path / "prog.py").write_text(source)
    _, status, stderr = doctor("prog.py")
    assert status == 2
    assert "weft doctor: error: cannot read prog.py: " in stderr
    assert complaint in stderr


def test_installed_packages_are_told_how_they_wait(doctor, tmp_path: Path) -> None:
    site = tmp_path / "site"
    for name in ("Requests", "psycopg2_binary", "mysqlclient", "grpcio", "uvloop"):
        install(site, name, "9.9")
    stdout, status, _ = doctor(PYTHONPATH=str(site))
    cooperative, rest = stdout.split(f"{_drivers.INTEGRATED}:")
    integrated, rest = rest.split(f"{_drivers.WAITS}:")
    waiting, minded = rest.split(f"{_drivers.MIND}:")
    assert "requests 9.9: Waits in Python's sockets." in cooperative
    assert "mysqlclient 9.9: The server's answer is waited for on the hub" in integrated
    assert "psycopg2-binary 9.9: libpq's waits park the task." in integrated
    assert "grpcio 9.9: " in waiting
    assert "uvloop 9.9: " in minded
    assert "cx-oracle" not in stdout
    assert status == 0


def test_builds_of_a_package_are_told_apart(monkeypatch, tmp_path: Path) -> None:
    install(tmp_path, "mysql-connector-python", "9.9")
    stdlib = [each for each in sys.path if "site-packages" not in each]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *stdlib])
    cooperative = dict(_drivers.installed()[_drivers.COOPERATIVE])
    assert "mysql-connector-python 9.9" in cooperative
    (tmp_path / "_mysql_connector.py").touch()
    texts = dict(_drivers.installed()[_drivers.INTEGRATED])
    assert "use_pure=False" in texts["mysql-connector-python 9.9"]


def test_the_table_says_one_thing_of_each_package() -> None:
    seen = [(name, each.given) for each in _drivers.TABLE for name in each.names.split()]
    assert len(seen) == len(set(seen))
    assert all(each.text.endswith(".") for each in _drivers.TABLE)
    assert {each.group for each in _drivers.TABLE} <= set(_drivers.installed())


def test_the_drivers_called_integrated_are_those_with_an_integration() -> None:
    """Both are named after the distribution, a row after the first of its names."""
    rows = [each for each in _drivers.TABLE if each.group == _drivers.INTEGRATED]
    named = {each.names.split()[0].replace("-", "_") for each in rows}
    assert named == set(_integrations.TABLE.values())
