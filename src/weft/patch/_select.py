"""Puts weft's ``select``, ``poll`` and ``epoll`` into the stdlib's ``select``."""

import select

from weft import select as green
from weft._core._api import current
from weft.patch._registry import replace


def patch() -> None:
    """Make the waiting functions of :mod:`select` cooperative."""
    # Makes the hub. Made by the program's first wait, it would take the numbers of descriptors
    # just closed, and a select of one of those would find it open.
    current()
    for name in ("select", "poll", "epoll"):
        replace(select, name, getattr(green, name, None))
