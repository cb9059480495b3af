"""Which of CPython's test modules weft is judged by.

All that touch sockets, TLS, select, selectors, threads, queues, time, signals, subprocesses, os,
fork and wait, terminals, the protocol clients and servers, logging, contexts, executors, asyncio,
multiprocessing, sched, weakref and fcntl: modules.txt has the list. A name there stands for a
module, or for all the modules of a package; what an installation does not have is left out.
"""

from __future__ import annotations

import importlib.util
import pkgutil
from pathlib import Path

EXTRA = Path(__file__).parent / "extra"

LIST = Path(__file__).with_name("modules.txt")


def selection(mark: str = "") -> list[str]:
    """The names in the list, or those that have a mark there: "quick", "schedule"."""
    lines = [line.split() for line in LIST.read_text().splitlines() if not line.startswith("#")]
    return [words[0] for words in lines if not mark or mark in words]


def installed(names: list[str]) -> list[str]:
    """The importable names of the modules that ``names`` stand for, as this Python has them.

    Raises:
      SystemExit: a name that is neither in the list nor a module.
    """
    found: list[str] = []
    for name in names:
        full = locate(name)
        if full:
            found += submodules(full)
        elif name not in selection():
            raise SystemExit(f"there is no test module {name!r}")
    # A package and a module of it may both be named.
    return list(dict.fromkeys(found))


def locate(name: str) -> str:
    """``test.name`` where CPython has it, else ``name`` if that is a module; else empty."""
    # CPython 3.11 keeps unittest's tests beside it.
    for full in (f"test.{name}", name.replace("test_unittest", "unittest.test"), name):
        try:
            if importlib.util.find_spec(full):
                return full
        except ModuleNotFoundError:
            continue
    return ""


def submodules(full: str) -> list[str]:
    """The test modules of a package, or the module itself."""
    spec = importlib.util.find_spec(full)
    if not spec or spec.submodule_search_locations is None:
        return [full]
    inner = pkgutil.iter_modules(spec.submodule_search_locations)
    return [f"{full}.{each.name}" for each in inner if each.name.startswith("test_")]
