"""Makes the stdlib's selectors stand on weft's ``select``.

The classes stay, so that whoever took one (socketserver, subprocess, asyncio) has a green one:
only what they ask the kernel with is exchanged.
"""

import selectors
from typing import Any

from weft import select as green
from weft.patch import _late
from weft.patch._registry import replace


def patch() -> None:
    """Make ``select`` of :mod:`selectors`' classes cooperative."""
    for name in ("PollSelector", "EpollSelector"):
        if hasattr(selectors, name):
            _late.kinds.append(_late.Kind(getattr(selectors, name), "selector", None, made_before))
    replace(selectors.SelectSelector, "_select", green.select)
    replace(selectors.PollSelector, "_selector_cls", green.poll)
    if hasattr(selectors, "EpollSelector"):
        replace(selectors.EpollSelector, "_selector_cls", green.epoll)


def made_before(found: Any) -> str:
    """What to say of a selector that was made before the patch; "" of a closed one."""
    return "a selector made before: who waits with it stops his whole thread" if found._map else ""
