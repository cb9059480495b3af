"""`make test`: the tests on the default Python, then on every other that the machine has.

    python3 tools/run_tests.py [--default-only] [what pytest takes]

Each Python has an environment of its own: the default one ``.venv``, the others ``.venvs/3.X``.
The default one's tests are seen as they run; the others run meanwhile, on another core, one after
the other, and are shown as they end.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
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
    directories = {}
    for version, python in found.items():
        directories[version] = ".venv" if python == sys.executable else f".venvs/{version}"
        make = [sys.executable, "tools/environment.py", "--dev", directories[version]]
        subprocess.run([*make, "--python", python], cwd=ROOT, check=True)
    default, *others = directories
    with ThreadPoolExecutor(1) as beside:
        later = [
            beside.submit(run_pytest, directories[version], version, arguments, aside=True)
            for version in others
        ]
        announce(f"tests on {default} ({found[default]})")
        counts = [run_pytest(directories[default], default, arguments)]
        counts += [each.result() for each in later]
    announce(f"tested on {', '.join(found)}")
    passed, failed = map(sum, zip(*counts, strict=True))
    print(f"total: {passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


def run_pytest(
    directory: str, version: str, arguments: list[str], *, aside: bool = False
) -> tuple[int, int]:
    """Run pytest in the environment ``directory``: how many tests passed, how many did not.

    A run that ends without a report (a crash) counts as one failure.

    Args:
      aside: whether what it prints is kept back until its end.
    """
    report = ROOT / "build" / f"tests-{version}.xml"
    report.unlink(missing_ok=True)
    command = [Path(directory, "bin", "python"), "-m", "pytest", f"--junitxml={report}"]
    kept = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} if aside else {}
    done = subprocess.run([*command, *arguments], cwd=ROOT, check=False, **kept)
    if aside:
        announce(f"tests on {version}")
        sys.stdout.buffer.write(done.stdout)
        sys.stdout.flush()
    status = done.returncode
    if not report.exists():
        return 0, 1
    counts = ElementTree.parse(report).find("testsuite").attrib
    bad = int(counts["failures"]) + int(counts["errors"])
    good = int(counts["tests"]) - bad - int(counts["skipped"])
    # No test at all, and trouble outside of tests, have a status of their own.
    return good, max(bad, 1 if status else 0)


if __name__ == "__main__":
    main()
