"""`make test-stdlib`: CPython's own tests in patched processes, on every Python the machine has.

    python3 tools/run_stdlib.py [--python 3.12] [what tests/stdlib/run.py takes]

Uses the environments that `make test` uses.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from environment import ROOT, announce
from pythons import pythons


def main() -> None:
    """Run them on all Pythons, whatever fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], add_help=False)
    parser.add_argument("--python", action="append", help="a version, such as 3.12; all when none")
    options, rest = parser.parse_known_args()
    found = pythons()
    wanted = options.python or list(found)
    failed = [version for version in wanted if version not in found]
    for version in failed:
        announce(f"there is no Python {version} here, only {', '.join(found)}")
    for version in [each for each in wanted if each in found]:
        directory = ".venv" if found[version] == sys.executable else f".venvs/{version}"
        make = [sys.executable, "tools/environment.py", "--dev", directory]
        subprocess.run([*make, "--python", found[version]], cwd=ROOT, check=True)
        announce(f"CPython's tests on {version} ({found[version]})")
        command = [Path(directory, "bin", "python"), "tests/stdlib/run.py", *rest]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            failed.append(version)
    if failed:
        announce(f"not as it should be on {', '.join(failed)}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
