"""The bar that ``weft.map(..., progress=True)`` draws, through tqdm.

Owns: the question whether to draw. Nothing here parks but what writes to stderr.
"""

from __future__ import annotations

import logging
import sys
from functools import cache
from typing import Protocol


class Bar(Protocol):
    """What a map needs of a progress bar."""

    def update(self) -> object: ...
    def close(self) -> object: ...


def bar_over(total: int | None) -> Bar | None:
    """A bar over ``total`` results (None: nobody knows), or None where none is to be drawn.

    Example:
      >>> from weft._progress import bar_over
      >>> bar_over(100)      # here stderr is no terminal
    """
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    kind = bar_class()
    return None if kind is None else kind(total=total, file=sys.stderr)


@cache
def bar_class() -> type | None:
    """tqdm without its thread, which would wake the program for ever; None: it is not installed."""
    try:
        from tqdm import tqdm
    except ImportError:
        logging.getLogger("weft").warning(
            "progress=True draws nothing without tqdm: pip install 'weft[progress]'"
        )
        return None
    return type("Bar", (tqdm,), {"monitor_interval": 0})
