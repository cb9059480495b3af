"""Ten thousand connections, reset by the peer: what they took is given back."""

import gc
import os
import struct
from pathlib import Path

import weft
from weft import socket

SECONDS = 100
RESET = struct.pack("ii", 1, 0)
AT_ONCE = 250


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def serve(server: socket.socket, ends: list[str]) -> None:
    def handle(sock: socket.socket) -> None:
        with sock:
            try:
                while data := sock.recv(1000):
                    sock.sendall(data)
                ends.append("closed")
            except ConnectionResetError:
                ends.append("reset")

    while True:
        sock, _ = server.accept()
        weft.spawn(handle, sock)


def connect_and_reset(address: tuple[str, int], count: int) -> None:
    """``count`` connections, ``AT_ONCE`` of them open at a time, each used once."""
    for _ in range(count // AT_ONCE):
        socks = [socket.create_connection(address) for _ in range(AT_ONCE)]
        for sock in socks:
            sock.sendall(b"hello")
        for sock in socks:
            assert sock.recv(10) == b"hello"
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            sock.close()


def test_ten_thousand_connections_reset_by_the_peer() -> None:
    ends: list[str] = []
    with socket.create_server(("127.0.0.1", 0), backlog=AT_ONCE) as server:
        acceptor = weft.spawn(serve, server, ends)
        address = server.getsockname()

        def run(count: int) -> tuple[int, int, int, int]:
            ends.clear()
            task = weft.spawn(connect_and_reset, address, count)
            task.result(SECONDS)
            while len(ends) < count:
                weft.checkpoint()
            assert set(ends) == {"reset"}
            gc.collect()
            statistics = weft.lowlevel.statistics()
            return descriptors(), statistics["tasks"], statistics["timers"], resident_bytes()

        # The first round makes what stays: the descriptor table, free lists, stacks.
        before = run(2 * AT_ONCE)
        after = run(10_000)
        assert after[:3] == before[:3]
        assert after[3] - before[3] < 2_000_000
        acceptor.cancel()
        acceptor.join()


def test_a_chatty_socket_starves_nobody() -> None:
    """gevent#1741: whoever always had something to read was never made to wait."""
    talker, listener = socket.socketpair()
    rounds: list[int] = []

    def chat() -> None:
        while rounds.count(1) < 20:
            talker.send(b"x")
            listener.recv(1)

    def other() -> None:
        while not chatting.done:
            rounds.append(1)
            weft.checkpoint()

    with talker, listener:
        chatting = weft.spawn(chat)
        weft.spawn(other).result(SECONDS)
        chatting.result(SECONDS)
