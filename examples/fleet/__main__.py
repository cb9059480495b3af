"""``weft run examples/fleet``, ``weft run -m fleet`` or plain ``python examples/fleet``."""

import weft.patch

weft.patch.all()  # first of all: the drivers imported below shall wait as tasks do

import sys  # noqa: E402
from pathlib import Path  # noqa: E402

if not __package__:  # started by its directory: the package is found from the one above
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from fleet.cli import main  # noqa: E402

sys.exit(main())
