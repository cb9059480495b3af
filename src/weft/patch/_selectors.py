"""Makes the stdlib's selectors stand on weft's ``select``.

The classes stay, so that whoever took one (socketserver, subprocess, asyncio) has a green one:
only what they ask the kernel with is exchanged.
"""

import selectors

from weft import select as green
from weft.patch._registry import replace


def patch() -> None:
    """Make ``select`` of :mod:`selectors`' classes cooperative."""
    replace(selectors.SelectSelector, "_select", green.select)
    replace(selectors.PollSelector, "_selector_cls", green.poll)
    if hasattr(selectors, "EpollSelector"):
        replace(selectors.EpollSelector, "_selector_cls", green.epoll)
