"""paramiko: a task that is cancelled leaves no half packet behind it.

The channels of a connection share one stream of packets, and each sends in the task that uses it.
Cancelled there, it would leave a part of a packet: the server takes what others send for the rest,
and all channels hang or fail. An SFTP session is such a stream within a channel; cancelled in a
call, the very ``close()`` of its file, on the way out, would wait for ever. OS threads are not
cancelled, so paramiko has no need to mind.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any, SupportsIndex, TypeVar

from weft._core._api import spawn
from weft._core._scope import shield
from weft._core._task import Task
from weft.patch import _registry

T = TypeVar("T")
WriteAll = Callable[[Any, bytes], None]

# Seconds that a packet may still take, or a goodbye, once the task is cancelled.
GRACE = 2.0


def patch(paramiko: ModuleType) -> None:
    """Change the two places where a packet could be cut."""
    packetizer, sftp = paramiko.packet.Packetizer, paramiko.sftp.BaseSFTP
    _registry.put(packetizer, "write_all", whole(packetizer.write_all))
    for name in ("_write_all", "_read_packet"):
        _registry.put(sftp, name, or_closed(vars(sftp)[name]))


class Packet(bytes):
    """A packet on its way; ``rest`` holds what has not been sent, which ``write_all`` cuts off."""

    rest: list[bytes]

    def __getitem__(self, part: SupportsIndex | slice) -> Any:
        found: Any = super().__getitem__(part)
        if not isinstance(part, slice) or not part.start:
            return found
        self.rest[0] = found
        shorter = Packet(found)
        shorter.rest = self.rest
        return shorter


def whole(write_all: WriteAll) -> WriteAll:
    """``Packetizer.write_all``, which sends the rest of the packet before it is cancelled.

    A peer that does not take that within ``GRACE`` seconds loses the connection: it keeps the
    caller's timeout, and all others on the connection get the driver's own error.
    """

    @wraps(write_all)
    def write_whole(packetizer: Any, out: bytes) -> None:
        packet = Packet(out)
        packet.rest = [out]
        try:
            write_all(packetizer, packet)
        except Exception:
            raise
        except BaseException as stop:
            with shield():
                if hasattr(stop, "sent_beneath"):
                    # By way of a jump host one connection sends by another one, and that has
                    # sent a packet of its own. How much of this one it held nobody knows here.
                    ends(spawn(packetizer.close))
                else:
                    finish(packetizer, spawn(write_all, packetizer, packet.rest[0]))
            stop.sent_beneath = True  # type: ignore[attr-defined]
            raise

    return write_whole


def finish(packetizer: Any, sending: Task[None]) -> None:
    """Wait for a packet to be sent, and close the connection if that takes too long."""
    if not ends(sending):
        ends(spawn(packetizer.close))
        ends(sending)


def or_closed(method: Callable[..., T]) -> Callable[..., T]:
    """A method of ``BaseSFTP`` that closes the session when it is cut short.

    The connection stays, and another session can be had.
    """

    @wraps(method)
    def call(session: Any, *arguments: Any) -> T:
        try:
            return method(session, *arguments)
        except Exception:
            raise
        except BaseException:
            # It waits for its turn to send. All who use the session know before.
            with shield():
                ends(spawn(session.sock.close))
            raise

    return call


def ends(task: Task[Any]) -> bool:
    """Wait for the end of ``task``, but not for long; how it ends is nobody's concern."""
    done = task.join(GRACE)
    if done:
        # Looked at, it is not reported: a connection that breaks now has been given up.
        _ = task.exception
    return done
