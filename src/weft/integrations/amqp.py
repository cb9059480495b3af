"""amqp, and kombu on it: what is cut off anywhere leaves a connection in step, or closed.

It waits in Python's sockets and needs nothing for that. Its own timeouts keep the part of a frame
that has come; :class:`weft.Cancelled` is none of them, and lost it. And the answer to a request
that nobody waits for any more would be taken for the next one's: the confirm of one message for
another's. kombu replaces a closed connection where it is next used, and so do its pools.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

from weft.integrations._cut import closing
from weft.patch import _registry

Method = Callable[..., Any]


class CutOff(socket.timeout):
    """Stands for an exception that amqp does not know, while amqp keeps what has come so far."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__("cut off")
        self.cause = cause


def patch(module: ModuleType) -> None:
    """Change transports, channels and connections in place."""
    transport = module.transport
    for each in (transport.TCPTransport, transport.SSLTransport):
        _registry.put(each, "_read", standing_in(each._read))
    abstract = transport._AbstractTransport
    _registry.put(abstract, "read_frame", restoring(abstract.read_frame))
    channel, connection = module.abstract_channel.AbstractChannel, module.connection.Connection
    # All that is sent goes through the first or the third, all that waits through the second.
    for owner, name in [
        (channel, "send_method"),
        (channel, "wait"),
        (connection, "send_heartbeat"),
        (connection, "connect"),
    ]:
        _registry.put(owner, name, closing(getattr(owner, name), collect))


def standing_in(read: Method) -> Method:
    """``read`` of a transport, which raises :class:`CutOff` where it is cut off."""

    @wraps(read)
    def read_or_cut_off(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return read(self, *args, **kwargs)
        except Exception:
            raise
        except BaseException as error:
            raise CutOff(error) from error

    return read_or_cut_off


def restoring(read_frame: Method) -> Method:
    """``read_frame``, which raises what a :class:`CutOff` stands for."""

    @wraps(read_frame)
    def read_frame_or_raise(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return read_frame(self, *args, **kwargs)
        except CutOff as stand_in:
            cause = stand_in.cause
        raise cause

    return read_frame_or_raise


def collect(channel: Any) -> None:
    """Close the connection of ``channel``, if it has one still, with all its channels."""
    # A connection is its own channel 0.
    if channel.connection is not None:
        channel.connection.collect()
