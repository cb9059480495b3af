"""Puts weft's ``select``, ``poll`` and ``epoll`` into the stdlib's ``select``."""

import select

from weft import select as green
from weft.patch._registry import replace


def patch() -> None:
    """Make the waiting functions of :mod:`select` cooperative."""
    for name in ("select", "poll", "epoll"):
        replace(select, name, getattr(green, name, None))
