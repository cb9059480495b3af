"""`make test`: the tests on the default Python, then on every other that the machine has.

    python3 tools/run_tests.py [--default-only] [what pytest takes]

Each Python has an environment of its own: the default one ``.venv``, the others ``.venvs/3.X``.
"""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from environment import ROOT, announce
from pythons import pythons


def main() -> None:
    """Run them all, whatever fails, and end with the sum."""
    arguments = sys.argv[1:]
    found = pythons()
    if "--default-only" in arguments:
        arguments.remove("--default-only")
        found = dict(list(found.items())[:1])
    if not found:
        raise SystemExit(f"weft needs CPython 3.11 or later; {sys.executable} is {sys.version}")
    passed = failed = 0
    for version, python in found.items():
        directory = ".venv" if python == sys.executable else f".venvs/{version}"
        make = [sys.executable, "tools/environment.py", "--dev", directory, "--python", python]
        subprocess.run(make, cwd=ROOT, check=True)
        announce(f"tests on {version} ({python})")
        good, bad = run_pytest(directory, version, arguments)
        passed += good
        failed += bad
    announce(f"tested on {', '.join(found)}")
    print(f"total: {passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


def run_pytest(directory: str, version: str, arguments: list[str]) -> tuple[int, int]:
    """Run pytest in the environment ``directory``: how many tests passed, how many did not.

    A run that ends without a report (a crash) counts as one failure.
    """
    report = ROOT / "build" / f"tests-{version}.xml"
    report.unlink(missing_ok=True)
    command = [Path(directory, "bin", "python"), "-m", "pytest", f"--junitxml={report}"]
    status = subprocess.run([*command, *arguments], cwd=ROOT, check=False).returncode
    if not report.exists():
        return 0, 1
    counts = ElementTree.parse(report).find("testsuite").attrib
    bad = int(counts["failures"]) + int(counts["errors"])
    good = int(counts["tests"]) - bad - int(counts["skipped"])
    # No test at all, and trouble outside of tests, have a status of their own.
    return good, max(bad, 1 if status else 0)


if __name__ == "__main__":
    main()
