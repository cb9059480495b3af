"""`make docs`: the site, whose every warning is an error.

.venvs/docs/bin/python tools/build_docs.py
"""

import shutil
import subprocess
import sys

from environment import ROOT

SITE = ROOT / "build" / "docs"


def main() -> None:
    """Build all of it anew: docstrings change without a page changing."""
    shutil.rmtree(SITE, ignore_errors=True)
    strict = ["--fail-on-warning", "--keep-going", "--quiet", "--write-all", "--fresh-env"]
    words = [sys.executable, "-m", "sphinx", *strict, "--conf-dir", ROOT / "tools/docs"]
    status = subprocess.run([*words, "-b", "html", ROOT / "docs", SITE], check=False).returncode
    print(f"docs: {SITE / 'index.html'}" if not status else "docs: not built")
    sys.exit(status)


if __name__ == "__main__":
    main()
