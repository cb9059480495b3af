"""The native core. :mod:`weft.lowlevel` documents what it offers."""

import os as _os

from weft._core import _watch  # isort: skip - the first to register what is called at exit
from weft._core import _ends as _ends
from weft._core import _stacks

_stacks.install()
_watch.install()

if _os.environ.get("WEFT_POLLER", "epoll") != "epoll":
    # Now, so that it stands on the stdlib's selectors whatever is patched later.
    from weft._core import _portable as _portable
