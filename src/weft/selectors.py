"""The stdlib's ``selectors`` for tasks: the same classes, standing on :mod:`weft.select`.

Owns nothing: only what the selectors ask the kernel with is exchanged. ``select`` parks.
``KqueueSelector`` and ``DevpollSelector`` are the stdlib's own and block their thread.
"""

from __future__ import annotations

import selectors as _stdlib
from typing import TYPE_CHECKING

from weft import select
from weft._counterpart import take_over


class SelectSelector(_stdlib.SelectSelector):
    """A selector on :func:`weft.select.select`."""

    _select = staticmethod(select.select)


class PollSelector(_stdlib.PollSelector):
    """A selector on :class:`weft.select.poll`."""

    _selector_cls = select.poll


if hasattr(_stdlib, "EpollSelector"):

    class EpollSelector(_stdlib.EpollSelector):
        """A selector on :class:`weft.select.epoll`."""

        _selector_cls = select.epoll


take_over(_stdlib, globals())

# The one the stdlib found best here, green if there is such a one.
DefaultSelector = globals()[_stdlib.DefaultSelector.__name__]

if TYPE_CHECKING:
    # What is not defined above.
    from selectors import *  # type: ignore[assignment]  # noqa: F403
