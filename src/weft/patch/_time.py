"""Patches ``time``."""

import time

import weft.time
from weft.patch import _registry


def patch() -> None:
    """Make ``sleep`` cooperative."""
    for name in ("sleep", "pthread_getcpuclockid"):
        _registry.replace(time, name, getattr(weft.time, name, None))
