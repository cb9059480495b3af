"""Twisted: a Protocol on the epoll reactor."""

from __future__ import annotations

from _common import BACKLOG, HOST, announce
from twisted.internet import epollreactor

epollreactor.install()

from twisted.internet import protocol, reactor  # noqa: E402 (after the reactor's choice)


class Echo(protocol.Protocol):
    def connectionMade(self) -> None:  # noqa: N802 (its name)
        self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        self.transport.write(data)


port = reactor.listenTCP(0, protocol.Factory.forProtocol(Echo), backlog=BACKLOG, interface=HOST)
announce(port.getHost().port)
reactor.run()
