"""Sockets that weft owns: registered for good where the poller can, one shot where not."""

import os
import socket
from collections.abc import Callable

import pytest

import weft
from weft import lowlevel
from weft._core import _socket

Pair = Callable[..., tuple["Socket", "Socket"]]


class Socket(socket.socket):
    """The smallest green socket: the native calls and the state they need."""

    __slots__ = ("_state",)
    recv = _socket.recv
    send = _socket.send
    sendall = _socket.sendall

    @classmethod
    def own(cls, plain: socket.socket) -> "Socket":
        made = cls(plain.family, plain.type, plain.proto, plain.detach())
        made.setblocking(False)
        made._state = _socket.SocketState(made.fileno(), made.family, made.type)
        return made

    def close(self) -> None:
        self._state.closing()
        super().close()


@pytest.fixture
def owned(pair, opened) -> Pair:
    def make(family: int = socket.AF_UNIX) -> tuple[Socket, Socket]:
        mine, theirs = (Socket.own(end) for end in pair(family))
        opened.callback(mine.close)
        opened.callback(theirs.close)
        return mine, theirs

    return make


FAMILIES = pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET])


@FAMILIES
def test_a_conversation(owned, family) -> None:
    mine, theirs = owned(family)

    def echo() -> None:
        while data := theirs.recv(100):
            theirs.sendall(data)

    task = weft.spawn(echo)
    for n in range(200):
        mine.sendall(b"%d" % n)
        assert mine.recv(100) == b"%d" % n
    mine.shutdown(socket.SHUT_WR)
    task.join()
    task.result()
    mine.close()
    theirs.close()


@FAMILIES
def test_the_end_comes_after_data_of_a_short_read(owned, parked, family) -> None:
    """Data followed by the end gives no further edge."""
    mine, theirs = owned(family)
    task = parked(mine.recv, 100)
    theirs.send(b"last words")
    theirs.close()
    assert task.result() == b"last words"
    assert mine.recv(100) == b""
    assert mine.recv(100) == b""
    mine.close()


def test_a_reset_comes_after_data_of_a_short_read(owned, parked) -> None:
    mine, theirs = owned(socket.AF_INET)
    task = parked(mine.recv, 100)
    theirs.send(b"last words")
    assert task.result() == b"last words"
    task = parked(mine.recv, 100)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    theirs.close()
    with pytest.raises(ConnectionResetError):
        task.result()
    mine.close()


@FAMILIES
def test_what_does_not_fit_is_sent_as_the_peer_reads(owned, family) -> None:
    mine, theirs = owned(family)
    data = os.urandom(1 << 20) * 4
    task = weft.spawn(mine.sendall, data)
    got = bytearray()
    while len(got) < len(data):
        got += theirs.recv(200_000)
    task.result()
    assert got == data
    mine.close()
    theirs.close()


@pytest.mark.parametrize("bufsize", [100, 65536, 65537, 1_000_000])
@FAMILIES
def test_a_recv_returns_what_there_is(owned, parked, family, bufsize) -> None:
    """Whatever the size it was given; it does not wait for more."""
    mine, theirs = owned(family)
    task = parked(mine.recv, bufsize)
    theirs.send(b"some")
    assert task.result() == b"some"
    mine.close()
    theirs.close()


@FAMILIES
def test_every_task_that_reads_is_woken_by_one_edge(owned, parked, family) -> None:
    mine, theirs = owned(family)
    tasks = [parked(mine.recv, 1) for _ in range(10)]
    theirs.send(b"0123456789")
    assert sorted(task.result() for task in tasks) == [b"%d" % n for n in range(10)]
    mine.close()
    theirs.close()


def test_reading_and_writing_tasks_do_not_wake_one_another_for_nothing(owned, parked) -> None:
    mine, theirs = owned(socket.AF_INET)
    writer = parked(mine.sendall, bytes(20_000_000))
    reader = parked(mine.recv, 10)
    theirs.send(b"x")
    assert reader.result() == b"x"
    assert writer.state == "parked"
    writer.cancel()
    writer.join()
    mine.close()
    theirs.close()


def test_closing_wakes_all_and_frees_the_number(owned, parked) -> None:
    for _ in range(10):
        mine, theirs = owned(socket.AF_INET)
        tasks = [parked(mine.recv, 1), parked(mine.sendall, bytes(20_000_000))]
        fd = mine.fileno()
        mine.close()
        for task in tasks:
            with pytest.raises(OSError, match="Bad file descriptor"):
                task.result()
        with pytest.raises(OSError):
            mine.recv(1)
        theirs.close()
        assert fd not in map(int, os.listdir("/proc/self/fd"))


def test_level_triggered_waits_on_an_owned_socket(owned, parked) -> None:
    """It had its edge before: poll(2) knows."""
    mine, theirs = owned()
    task = parked(mine.recv, 1)
    theirs.send(b"xyz")
    assert task.result() == b"x"
    fd = mine.fileno()
    lowlevel.wait_readable(fd)
    lowlevel.wait_readable(fd)
    assert lowlevel.wait_fds([(fd, 1)]) is True
    assert mine.recv(10) == b"yz"
    task = parked(lowlevel.wait_readable, fd)
    theirs.send(b"x")
    task.join()
    task = weft.spawn(lowlevel.wait_readable, fd)
    task.join()
    mine.close()
    theirs.close()


@pytest.mark.parametrize("forget", ["os.close", "destructor"])
def test_a_number_closed_behind_our_back_serves_the_next_socket(owned, parked, forget) -> None:
    mine, theirs = owned()
    task = parked(mine.recv, 1)
    theirs.send(b"x")
    task.join()
    fd = mine.fileno()
    if forget == "os.close":
        os.close(mine.detach())
    else:
        socket.socket.close(mine)
    theirs.close()
    mine, theirs = owned()
    assert mine.fileno() == fd
    task = parked(mine.recv, 1)
    theirs.send(b"x")
    assert task.result() == b"x"
    mine.close()
    theirs.close()


def test_a_number_closed_behind_our_back_serves_another_kind_of_file(owned, parked, pipe) -> None:
    mine, theirs = owned()
    task = parked(mine.recv, 1)
    theirs.send(b"x")
    task.join()
    fd = mine.fileno()
    os.close(mine.detach())
    theirs.close()
    reader, writer = pipe()
    assert reader == fd
    task = parked(lowlevel.wait_readable, reader)
    os.write(writer, b"x")
    task.join()
    lowlevel.closing(reader)


def test_a_socket_of_two_hubs(owned, parked, in_thread) -> None:
    """Each hub registers it on its own; either gets its edge."""
    mine, theirs = owned()
    here = parked(mine.recv, 1)
    there = in_thread(mine.recv, 1)
    theirs.send(b"a")
    theirs.send(b"b")
    assert {here.result(), there.result()} == {b"a", b"b"}
    mine.close()
    theirs.close()


def test_a_socket_of_two_hubs_is_closed_on_both(owned, parked, in_thread) -> None:
    mine, theirs = owned()
    here = parked(mine.recv, 1)
    there = in_thread(mine.recv, 1)
    while there.wait_kind() != "read":
        weft.sleep(1e-5)
    mine.close()
    for task in (here, there):
        with pytest.raises(OSError, match="Bad file descriptor"):
            task.result()
    theirs.close()
