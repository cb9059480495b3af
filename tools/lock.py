"""`make lock`: write requirements/*.txt anew from the *.in beside them.

Resolved on the oldest Python that weft supports, without a word of where packages came from.
"""

import subprocess
import tempfile
from pathlib import Path

from environment import ROOT, announce
from pythons import pythons

QUIET = [
    "--quiet",
    "--upgrade",
    "--strip-extras",
    "--allow-unsafe",
    "--no-header",
    "--no-annotate",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-emit-trusted-host",
]


def main() -> None:
    """Resolve each set in an environment that is thrown away."""
    oldest = min(pythons().items(), key=lambda item: tuple(map(int, item[0].split("."))))[1]
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([oldest, "-m", "venv", scratch], check=True)
        python = Path(scratch, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "-q", "-U", "pip", "pip-tools"], check=True)
        for name in ("build", "dev", "services", "docs"):
            announce(f"locking requirements/{name}.txt")
            lock(python, ROOT / "requirements" / name)


def lock(python: Path, path: Path) -> None:
    """Resolve ``path``.in into ``path``.txt."""
    target = path.with_suffix(".txt")
    command = [python, "-m", "piptools", "compile", *QUIET, "-o", target, path.with_suffix(".in")]
    subprocess.run(command, check=True)
    header = f'# Locked by "make lock"; edit {path.name}.in, not this.\n'
    pins = [line for line in target.read_text().splitlines() if "==" in line]
    target.write_text(header + "\n".join(pins) + "\n")


if __name__ == "__main__":
    main()
