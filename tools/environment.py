"""Make or refresh a virtual environment with weft built into it: the first step of every target.

    python3 tools/environment.py .venv                        what `make demo` needs
    python3 tools/environment.py --dev .venvs/3.12 --python /usr/bin/python3.12
    python3 tools/environment.py --dev --debug .venv-debug    the debug build, installed as a copy
    python3 tools/environment.py --services .venvs/services-3.12    with the services' drivers
    python3 tools/environment.py --docs .venvs/docs           what builds the site, and no weft

Nothing is done twice: what the environment was made from is kept in its ``weft.json``. Only the
standard library is used, since this runs before anything is installed.
"""

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = [Path("pyproject.toml"), Path("setup.py")]

# Asked of an interpreter: what it is, whether `venv` can work, and whether Python.h is there.
PROBE = """
import importlib.util, json, os, sys, sysconfig
print(json.dumps({
    "version": sys.version_info[:2],
    "final": sys.version_info.releaselevel == "final",
    "ordinary": sys.implementation.name == "cpython" and not sysconfig.get_config_var(
        "Py_GIL_DISABLED"),
    "system": sys.prefix == "/usr",
    "venv": bool(importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv")),
    "headers": os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")),
}))
"""


def main() -> None:
    """Parse the command line and bring the environment up to date."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--python", default=sys.executable, help="interpreter to make it from")
    parser.add_argument("--dev", action="store_true", help="with what tests and checks need")
    parser.add_argument("--services", action="store_true", help="with the services' drivers too")
    parser.add_argument("--docs", action="store_true", help="what builds the site: no weft")
    parser.add_argument("--debug", action="store_true", help="the debug build of the core")
    options = parser.parse_args()
    os.chdir(ROOT)
    Path("build").mkdir(exist_ok=True)
    with open("build/venv.lock", "w") as lock:
        # Two makes at once would write the same generated files.
        fcntl.flock(lock, fcntl.LOCK_EX)
        sets = [name for name in ("services", "docs", "dev") if getattr(options, name)]
        locked = sets[0] if sets else "build"
        Environment(options.directory, debug=options.debug).refresh(options.python, locked)


class Environment:
    """One virtual environment and the record of what it was made from."""

    def __init__(self, directory: Path, *, debug: bool) -> None:
        self.debug = debug
        self.directory = directory
        self.python = directory / "bin" / "python"
        self.record = directory / "weft.json"

    def refresh(self, base: str, packages: str) -> None:
        """Create, install, build: each step only when what it is made from has changed."""
        if not self.python.exists():
            require(base)
            announce(f"making {self.directory}")
            run(base, "-m", "venv", "--clear", str(self.directory))
        locked = Path("requirements", f"{packages}.txt")
        self._step(locked.name, [locked], lambda: self._pip("-r", str(locked)))
        if packages == "docs":
            return  # it documents src/ as another environment has built it
        if self.debug:
            everything = [*SETTINGS, *sources("src/weft", "*.py", "*.pyx", "*.pxd")]
            self._step("copy", everything, self._copy)
        else:
            native = [*SETTINGS, *sources("src/weft/_core", "*.pyx", "*.pxd")]
            self._step("native", native, self._build)
            self._step("link", SETTINGS, self._link)

    def _step(self, name: str, paths: Iterable[Path], action: Callable[[], None]) -> None:
        done = json.loads(self.record.read_text()) if self.record.exists() else {}
        digest = fingerprint(paths)
        if done.get(name) != digest:
            action()
            self.record.write_text(json.dumps({**done, name: digest}, indent=1) + "\n")

    def _pip(self, *arguments: str) -> None:
        announce(f"installing {arguments[-1]} into {self.directory}")
        run(self.python, "-m", "pip", "--disable-pip-version-check", "install", "-q", *arguments)

    def _build(self) -> None:
        announce(f"building weft's core for {self.directory}")
        run(self.python, "setup.py", "-q", "build_ext", "--inplace")

    def _link(self) -> None:
        self._pip("--no-build-isolation", "--no-deps", "-e", ".")

    def _copy(self) -> None:
        os.environ["WEFT_DEBUG"] = "1"
        self._pip("--no-build-isolation", "--no-deps", "--force-reinstall", ".")


def sources(directory: str, *patterns: str) -> list[Path]:
    """Every file under ``directory`` that matches one of ``patterns``, in a fixed order."""
    return sorted(path for pattern in patterns for path in Path(directory).rglob(pattern))


def fingerprint(paths: Iterable[Path]) -> str:
    """A digest of the names and contents of ``paths``."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def probe(base: str) -> dict:
    """What ``PROBE`` finds out about the interpreter ``base``; empty when it does not run."""
    done = subprocess.run([base, "-c", PROBE], capture_output=True, check=False)
    return {} if done.returncode else json.loads(done.stdout)


def require(base: str) -> None:
    """See to it that ``base`` is new enough and can make an environment and build in it.

    Raises:
      SystemExit: it cannot; the message names what to install.
    """
    found = probe(base)
    if not found:
        raise SystemExit(f"{base} does not run")
    major, minor = found["version"]
    if (major, minor) < (3, 11):
        raise SystemExit(f"weft needs Python 3.11 or later, and {base} is {major}.{minor}")
    missing = [
        package
        for package, there in (
            (f"python{major}.{minor}-venv", found["venv"]),
            (f"python{major}.{minor}-dev", found["headers"]),
        )
        if not there
    ]
    if not missing:
        return
    if found["system"] and shutil.which("apt-get") and os.geteuid() == 0:
        announce(f"installing {' '.join(missing)}")
        os.environ["DEBIAN_FRONTEND"] = "noninteractive"
        run("apt-get", "-qq", "update")
        run("apt-get", "-qq", "install", "-y", "--no-install-recommends", *missing)
    else:
        raise SystemExit(f"{base} lacks a part; install it first:  apt install {' '.join(missing)}")


def announce(text: str) -> None:
    """Say on stderr what takes long."""
    print(f"-- {text}", file=sys.stderr, flush=True)


def run(*command: str | Path) -> None:
    """Run ``command``, its output going where ours does; its failure ends this program."""
    status = subprocess.run([str(word) for word in command], check=False).returncode
    if status:
        raise SystemExit(status)


if __name__ == "__main__":
    main()
