"""Runs a program as if `import weft.patch; weft.patch.all()` were its first line.

python patched.py program words...
"""

import weft.patch

weft.patch.all()

import runpy  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

if __name__ == "__main__":
    del sys.argv[0]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    runpy.run_path(sys.argv[0], run_name="__main__")
