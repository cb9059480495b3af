"""pika: a request that is cut off closes its channel; a consumer that is goes on where it was.

It waits in the patched :mod:`select` and needs nothing for that. But a channel of its
``BlockingConnection`` takes the next answer of a kind for that of its last request: the confirm of
a message that nobody waits for any more would be the next one's, or break the connection. What does
not wait for an answer (consuming, acknowledging, publishing without confirms) may be cut off and
gone on with; only, a connection cut off in a consumer's callback forgot the messages that it had
yet to give to others, until more came.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from types import ModuleType
from typing import Any

from weft.patch import _registry

Method = Callable[..., None]


def patch(module: ModuleType) -> None:
    """Change ``BlockingChannel`` and ``BlockingConnection`` in place."""
    blocking = import_module(f"{module.__name__}.adapters.blocking_connection")
    channel, connection = blocking.BlockingChannel, blocking.BlockingConnection
    _registry.put(channel, "_flush_output", ending(channel._flush_output))
    dispatch = remembering(connection._dispatch_channel_events)
    _registry.put(connection, "_dispatch_channel_events", dispatch)


def ending(flush: Method) -> Method:
    """``flush``, which closes its channel when it is cut off waiting for an answer."""

    @wraps(flush)
    def flush_output(self: Any, *answered: Callable[[], bool]) -> None:
        try:
            flush(self, *answered)
        except Exception:  # which pika knows what to do about
            raise
        except BaseException:
            # Sent when the connection is next used: nothing here waits.
            if answered and not (self._impl.is_closed or self._impl.is_closing):
                self._impl.close(0, "a request was cut off")
            raise

    return flush_output


def remembering(dispatch: Method) -> Method:
    """``dispatch`` of a connection, which goes on with the rest if it was cut off."""

    @wraps(dispatch)
    def dispatch_channel_events(self: Any) -> None:
        try:
            dispatch(self)
        except BaseException:  # as pika should after an Exception
            for channel in self._impl._channels.values():
                if channel._get_cookie()._pending_events:
                    self._request_channel_dispatch(channel.channel_number)
            raise

    return dispatch_channel_events
