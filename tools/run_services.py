"""`make test-services`: real servers and the drivers of them, on the default Python.

    python3 tools/run_services.py [--all-pythons] [what pytest takes]

Each Python has an environment of its own, ``.venvs/services-3.X``. Servers that did not run before
are stopped at the end.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from environment import ROOT, announce
from pythons import pythons
from run_tests import run_pytest
from services import SERVICES, ServiceError
from services.packages import install

# mysqlclient and pylibmc are compiled.
HEADERS = ["libmariadb-dev", "pkg-config", "libmemcached-dev", "zlib1g-dev", "gcc"]


def main() -> None:
    """Make what is needed, run the tests, and end with the sum."""
    arguments = sys.argv[1:]
    found = pythons()
    if "--all-pythons" in arguments:
        arguments.remove("--all-pythons")
    else:
        found = dict(list(found.items())[:1])
    if not any(Path(word.partition("::")[0]).exists() for word in arguments):
        arguments.insert(0, "tests/services")
    try:
        install(missing_headers())
    except ServiceError as error:
        raise SystemExit(f"-- {error}") from None
    for version, python in found.items():
        make = [sys.executable, "tools/environment.py", "--services", directory(version)]
        subprocess.run([*make, "--python", python], cwd=ROOT, check=True)
    running = {name for name, service in SERVICES.items() if service().running}
    try:
        # Where one cannot be had, its tests say so.
        services("start")
        sys.exit(test(found, arguments))
    finally:
        services("stop", *[name for name in SERVICES if name not in running])


def missing_headers() -> list[str]:
    """Those of ``HEADERS`` that are not installed; on no Debian the compiler will tell."""
    if not shutil.which("dpkg-query"):
        return []
    ask = ["dpkg-query", "--show", "--showformat", "${binary:Package} ${Status}\n", *HEADERS]
    answer = subprocess.run(ask, capture_output=True, text=True, check=False).stdout
    there = {
        line.partition(" ")[0].partition(":")[0]
        for line in answer.splitlines()
        if line.endswith(" ok installed")
    }
    return [package for package in HEADERS if package not in there]


def directory(version: str) -> str:
    """Where the environment of one Python is."""
    return f".venvs/services-{version}"


def services(action: str, *names: str) -> None:
    """Start all servers, or stop some."""
    if action == "start" or names:
        command = [sys.executable, "tools/services", action, *names]
        # What it prints is for shells.
        subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)


def test(found: dict[str, str], arguments: list[str]) -> int:
    """Run the tests on each Python: 0 when all passed, else 1."""
    passed = failed = 0
    for version in found:
        announce(f"tests with real servers on {version}")
        good, bad = run_pytest(directory(version), f"services-{version}", arguments)
        passed += good
        failed += bad
    print(f"services: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    main()
