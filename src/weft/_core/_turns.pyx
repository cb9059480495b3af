"""A buffered file's calls in their turn, where drivers make ten of them for an answer.

Owns nothing: the file has the lock. A caller parks while another task has its turn, and in the
raw file beneath.
"""

from functools import wraps

from weft._core._lock cimport RLock
from weft._core._sys cimport forever


def sized(method):
    """``method``, which takes nothing but a size, while holding the RLock ``self._turn``."""

    @wraps(method)
    def call(self, size=-1, /):
        cdef RLock turn = self._turn
        turn.take(forever())
        try:
            return method(self, size)
        finally:
            turn.undo()

    return call
