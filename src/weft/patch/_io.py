"""Makes ``open`` of a pipe's or a terminal's descriptor give a file that parks."""

import _io
import builtins
import io

from weft._core._opener import opener
from weft._files import open_fd
from weft.patch._registry import replace


def patch() -> None:
    """Make :func:`open` cooperative for descriptors; a path's file stays as it is."""
    green = opener(io.open, open_fd)
    for owner in (io, _io, builtins):
        replace(owner, "open", green)
