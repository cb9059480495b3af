"""What every Python echo server shares, so that none differs in more than its engine."""

from __future__ import annotations

import socket

HOST = "127.0.0.1"
RECV_SIZE = 65536
BACKLOG = 4096


def listener() -> socket.socket:
    """A socket listening on a free loopback port, of whatever class `socket.socket` is now."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.bind((HOST, 0))
    sock.listen(BACKLOG)
    return sock


def free_port() -> int:
    """A port that was free a moment ago, for servers that bind by themselves."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        return port


def announce(port: int) -> None:
    """Tell the harness where to connect; it tries until somebody listens there."""
    print(port, flush=True)


def no_delay(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def echo(sock: socket.socket, address: object = None) -> None:
    """The blocking handler, the same for threads, gevent, eventlet and weft."""
    no_delay(sock)
    while data := sock.recv(RECV_SIZE):
        sock.sendall(data)


def echo_and_close(sock: socket.socket, address: object = None) -> None:
    """:func:`echo` for servers that leave closing to the handler."""
    with sock:
        echo(sock)
