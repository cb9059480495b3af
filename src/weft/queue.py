"""Green ``queue``: the stdlib's, on the locks of :mod:`weft.threading`.

``Queue``, ``LifoQueue`` and ``PriorityQueue`` are the stdlib's code;
``SimpleQueue`` is native. All of them work between tasks of any hub and
native threads. ``Empty`` and ``Full`` are the stdlib's own classes.

Example:
  >>> import weft.queue
  >>> pages = weft.queue.Queue(maxsize=1)
  >>> pages.put("first")
  >>> pages.get()
  'first'
"""

import _queue
import queue as _stdlib
from typing import TYPE_CHECKING

import weft.threading
import weft.time
from weft._core._simplequeue import SimpleQueue as _SimpleQueue
from weft._modules import copy_of, view

if TYPE_CHECKING:
    from queue import *  # noqa: F403
else:
    _names = vars(
        copy_of(
            "queue",
            {
                "threading": weft.threading,
                "time": weft.time,
                "_queue": view(_queue, {"SimpleQueue": _SimpleQueue}),
            },
            __name__,
        )
    )
    # Whoever catches the stdlib's errors shall catch these.
    for _error in ("Empty", "Full", "ShutDown"):
        if hasattr(_stdlib, _error):
            _names[_error] = getattr(_stdlib, _error)
    __all__ = _stdlib.__all__
    globals().update({name: _names[name] for name in __all__})
