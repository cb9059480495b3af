"""What a cancelled call leaves behind in drivers that tidy up after an ``Exception`` only.

A request that is cancelled, or interrupted by Ctrl-C, may have been sent without its answer having
been read. Kept open, its connection would give that answer to whoever asks next. And a connection
that is cancelled on its way back into a pool would never get there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from weft._core._scope import shield

Method = Callable[..., Any]


def closing(method: Method, close: Callable[[Any], object]) -> Method:
    """``method``, which has ``close`` called with its object when it is cut off.

    Example:
      >>> from weft.integrations._cut import closing
      >>> class Client:
      ...     def ask(self):
      ...         raise KeyboardInterrupt
      >>> Client.ask = closing(Client.ask, lambda client: print("closed"))
      >>> try:
      ...     Client().ask()
      ... except KeyboardInterrupt:
      ...     pass
      closed
    """

    @wraps(method)
    def closing_method(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except Exception:  # which the driver knows what to do about
            raise
        except BaseException:
            close(self)
            raise

    return closing_method


def shielded(method: Method) -> Method:
    """``method``, during which no cancellation is delivered."""

    @wraps(method)
    def shielded_method(self: Any, *args: Any, **kwargs: Any) -> Any:
        with shield():
            return method(self, *args, **kwargs)

    return shielded_method
