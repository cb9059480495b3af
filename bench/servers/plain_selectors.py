"""The stdlib's selectors and callbacks: no framework, all in Python."""

from __future__ import annotations

import selectors
import socket

from _common import RECV_SIZE, announce, listener, no_delay

selector = selectors.DefaultSelector()


class Connection:
    """Echoes; while a slow reader has bytes to take, nothing more is read from it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.rest = memoryview(b"")
        selector.register(sock, selectors.EVENT_READ, self.read)

    def read(self) -> None:
        try:
            data = self.sock.recv(RECV_SIZE)
        except BlockingIOError:
            return
        if not data:
            selector.unregister(self.sock)
            self.sock.close()
        elif (sent := self.send(data)) < len(data):
            self.rest = memoryview(data)[sent:]
            selector.modify(self.sock, selectors.EVENT_WRITE, self.flush)

    def send(self, data: bytes | memoryview) -> int:
        try:
            return self.sock.send(data)
        except BlockingIOError:
            return 0

    def flush(self) -> None:
        self.rest = self.rest[self.send(self.rest) :]
        if not self.rest:
            selector.modify(self.sock, selectors.EVENT_READ, self.read)


def accept() -> None:
    sock, _ = server.accept()
    sock.setblocking(False)
    no_delay(sock)
    Connection(sock)


server = listener()
selector.register(server, selectors.EVENT_READ, accept)
announce(server.getsockname()[1])
while True:
    for key, _ in selector.select():
        key.data()
