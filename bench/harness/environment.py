"""Makes what is measured: a virtual environment with the peers and weft, and the C programs."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.paths import BENCH, BUILD, REQUIREMENTS, ROOT, VENVS

PEERS = (
    *("gevent", "eventlet", "uvloop", "Twisted", "greenlet"),
    *("redis", "pymemcache", "PyMySQL"),
)
C_PROGRAMS = ("echo_server", "load")
VERSION = "import sys; print(*sys.version_info[:3])"


@dataclass(frozen=True)
class Environment:
    """The interpreter that runs all that is measured, and why weft is not in it, if so."""

    python: Path
    versions: dict[str, str]
    weft_absent: str | None


class Failed(Exception):
    """A step of the preparation failed; the message is for the user."""


def prepare(pythons: list[str]) -> Environment:
    """Bring the C programs, the environment and weft in it up to date with the sources."""
    build_c_programs()
    python = make_venv(newest(pythons))
    weft_absent = install_weft(python)
    return Environment(python, versions(python, ("weft", *PEERS)), weft_absent)


def build_c_programs() -> None:
    BUILD.mkdir(exist_ok=True)
    for name in C_PROGRAMS:
        source, program = BENCH / f"{name}.c", BUILD / name
        if program.exists() and program.stat().st_mtime > source.stat().st_mtime:
            continue
        compiler = os.environ.get("CC", "gcc")
        must([compiler, "-O2", "-Wall", "-Wextra", "-o", str(program), str(source), "-lm"])


def newest(pythons: list[str]) -> str:
    """The highest version among ``pythons``; the one that runs this when none is given."""
    return max(pythons or [sys.executable], key=version_of)


def version_of(python: str) -> tuple[int, ...]:
    return tuple(int(part) for part in must([python, "-c", VERSION]).split())


def make_venv(base: str) -> Path:
    """An environment for ``base`` with the newest peers that ``requirements.txt`` allows."""
    tag = ".".join(map(str, version_of(base)))
    venv = VENVS / tag
    python = venv / "bin" / "python"
    stamp = venv / "requirements.sha256"
    wanted = digest([REQUIREMENTS])
    if not stamp.exists() or stamp.read_text() != wanted:
        say(f"making {venv.relative_to(ROOT)} with weft's peers")
        must([base, "-m", "venv", "--clear", str(venv)])
        must([str(python), "-m", "pip", "install", "-q", "-r", str(REQUIREMENTS)])
        stamp.write_text(wanted)
    return python


def install_weft(python: Path) -> str | None:
    """Build and install the checkout unless its sources are the installed ones.

    Built from a copy, so that nothing is written into the checkout.

    Returns:
      None, or why there is no weft to measure.
    """
    sources = weft_sources()
    stamp = python.parent.parent / "weft.sha256"
    wanted = digest(sources)
    if not stamp.exists() or stamp.read_text() != wanted:
        say("building weft")
        stamp.unlink(missing_ok=True)
        log = BUILD / "weft.log"
        copy = copy_of(sources)
        command = [str(python), "-m", "pip", "install", "--force-reinstall", "--no-deps", str(copy)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        log.write_text(done.stdout + done.stderr)
        if done.returncode != 0:
            return f"weft does not build, see {log.relative_to(ROOT)}"
        stamp.write_text(wanted)
    probe = [str(python), "-c", "import weft; weft.spawn, weft.joinall"]
    done = subprocess.run(probe, capture_output=True, text=True, check=False, cwd=BENCH)
    return None if done.returncode == 0 else last_line(done.stderr)


def weft_sources() -> list[Path]:
    """The files that a build of weft reads."""
    top = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")
    suffixes = {".py", ".pyx", ".pxd", ".pyi", ".h", ".typed"}
    package = (p for p in (ROOT / "src").rglob("*") if p.suffix in suffixes or p.name == "py.typed")
    found = [*(ROOT / name for name in top), *package]
    return sorted(path for path in found if path.is_file())


def copy_of(sources: Iterable[Path]) -> Path:
    copy = BUILD / "weft"
    shutil.rmtree(copy, ignore_errors=True)
    for source in sources:
        target = copy / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return copy


def digest(files: Iterable[Path]) -> str:
    """Of the names and contents of ``files``."""
    total = hashlib.sha256()
    for path in files:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(ROOT)} {content}\n".encode())
    return total.hexdigest()


def versions(python: Path, packages: Iterable[str]) -> dict[str, str]:
    """Installed versions by name; those not installed are left out."""
    code = (
        "import json, sys; from importlib.metadata import distributions as d;"
        "have = {x.name.lower(): x.version for x in d()};"
        "print(json.dumps({n: have[n.lower()] for n in sys.argv[1:] if n.lower() in have}))"
    )
    found: dict[str, str] = json.loads(must([str(python), "-c", code, *packages]))
    return found


def machine(python: Path) -> dict[str, str]:
    """What a reader needs to know about where the figures come from."""
    with open("/proc/cpuinfo") as cpuinfo:
        models = [line.split(":")[1].strip() for line in cpuinfo if line.startswith("model name")]
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores",
        "kernel": platform.release(),
        "python": must([str(python), "-c", "import platform; print(platform.python_version())"]),
        "checkout": checkout(),
    }


def checkout() -> str:
    """The commit that was measured, marked when files differ from it."""
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    if commit.returncode != 0:
        return "unknown"
    changed = subprocess.run([*git, "status", "--porcelain", "src"], capture_output=True, text=True)
    return commit.stdout.strip() + (" with changes" if changed.stdout.strip() else "")


def must(command: list[str]) -> str:
    """Run ``command``; its output, or :exc:`Failed` with what it complained about."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Failed(f"{command[0]} is not installed") from error
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}\n{done.stderr.strip()}")
    return done.stdout.strip()


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1]


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)
