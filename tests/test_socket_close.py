"""The end of green sockets: who waits is told at once, and a number used again is another file."""

import contextlib
import errno
import gc
import os
import random
import threading
import weakref
from collections.abc import Callable

import pytest

import weft
from weft import socket

SECONDS = 20

CLOSERS: dict[str, Callable[[socket.socket], object]] = {
    "close": lambda sock: sock.close(),
    "with": lambda sock: sock.__exit__(None, None, None),
    "detach": lambda sock: os.close(sock.detach()),
    "socket.close": lambda sock: socket.close(sock.fileno()) or sock.detach(),
}


@pytest.fixture(params=CLOSERS)
def close(request: pytest.FixtureRequest) -> Callable[[socket.socket], object]:
    return CLOSERS[request.param]


def bad_descriptor(task: weft.Task) -> bool:
    with pytest.raises(OSError) as caught:
        task.result(SECONDS)
    return caught.value.errno == errno.EBADF


def test_readers_and_writers_get_ebadf(close) -> None:
    one, other = socket.socketpair()
    with one, other:
        with pytest.raises(BlockingIOError):
            while True:
                one.send(bytes(100_000), socket.MSG_DONTWAIT)
        calls = [lambda: one.recv(1), lambda: one.recvmsg(1), lambda: one.sendall(b"x")]
        tasks = [weft.spawn(call) for call in calls]
        weft.checkpoint()
        close(one)
        assert all(map(bad_descriptor, tasks))


def test_acceptors_get_ebadf(close) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        tasks = [weft.spawn(server.accept) for _ in range(3)]
        weft.checkpoint()
        close(server)
        assert all(map(bad_descriptor, tasks))


def test_connectors_get_ebadf(close) -> None:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(2):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        socks = [stack.enter_context(socket.socket()) for _ in range(2)]
        tasks = [
            weft.spawn(socks[0].connect, server.getsockname()),
            weft.spawn(socks[1].connect_ex, server.getsockname()),
        ]
        weft.checkpoint()
        for sock in socks:
            close(sock)
        assert bad_descriptor(tasks[0])
        assert tasks[1].result(SECONDS) == errno.EBADF


def test_a_close_from_another_thread_is_told_at_once(close) -> None:
    one, other = socket.socketpair()
    with one, other:
        task = weft.spawn(one.recv, 1)
        weft.checkpoint()
        thread = threading.Thread(target=close, args=(one,))
        thread.start()
        assert bad_descriptor(task)
        thread.join()


def test_waiters_of_other_threads_are_told_too() -> None:
    one, other = socket.socketpair()
    parked = threading.Event()
    caught: list[OSError] = []

    def elsewhere() -> None:
        task = weft.spawn(one.recv, 1)
        weft.checkpoint()
        parked.set()
        try:
            task.result(SECONDS)
        except OSError as error:
            caught.append(error)

    with one, other:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        parked.wait()
        one.close()
        thread.join()
    assert [error.errno for error in caught] == [errno.EBADF]


def test_everything_on_a_closed_socket_is_ebadf() -> None:
    one, other = socket.socketpair()
    other.close()
    one.close()
    one.close()
    assert one.fileno() == -1
    for call in (
        lambda: one.recv(1),
        lambda: one.recv_into(bytearray(1)),
        lambda: one.recvmsg(1),
        lambda: one.send(b"x"),
        lambda: one.sendall(b"x"),
        lambda: one.sendmsg([b"x"]),
        lambda: one.accept(),
        lambda: one.connect("x"),
        lambda: one.shutdown(socket.SHUT_RD),
        lambda: one.dup(),
    ):
        with pytest.raises(OSError) as caught:
            call()
        assert caught.value.errno == errno.EBADF
    assert one.detach() == -1
    assert "[closed]" in repr(one)


def test_detach_gives_a_blocking_descriptor_away() -> None:
    for timeout, is_blocking in ((None, True), (5, False), (0, False)):
        one, other = socket.socketpair()
        with other:
            one.settimeout(timeout)
            fd = one.detach()
            assert os.get_blocking(fd) is is_blocking
            with socket.socket(fileno=fd) as again:
                other.send(b"x")
                assert again.recv(1) == b"x"


def test_detach_of_one_closed_behind_its_back_returns_the_number() -> None:
    one, other = socket.socketpair()
    with other:
        fd = one.fileno()
        os.close(fd)
        assert one.detach() == fd


def test_a_dropped_socket_warns_as_the_stdlibs_and_closes() -> None:
    one, other = socket.socketpair()
    text = repr(one)
    with other:
        with pytest.warns(ResourceWarning) as caught:
            del one
            gc.collect()
        assert str(caught[0].message) == f"unclosed {text}"
        assert other.recv(1) == b""


def test_a_closed_socket_is_collected() -> None:
    one, other = socket.socketpair()
    with other:
        task = weft.spawn(one.recv, 1)
        weft.checkpoint()
        one.close()
        assert bad_descriptor(task)
    gone = weakref.ref(one)
    del one, task
    gc.collect()
    assert gone() is None


def read_until_closed(sock: socket.socket) -> list[bytes]:
    """What came until the peer closed, or until it was closed here."""
    got = []
    try:
        while data := sock.recv(100):
            got.append(data)
    except OSError as error:
        assert error.errno == errno.EBADF
    return got


class TestNumberUsedAgain:
    """A new socket gets the lowest free number: that of the one just closed."""

    def test_data_of_the_new_file_reaches_its_own_reader(self, close) -> None:
        for _ in range(50):
            old = socket.socketpair()
            stale = weft.spawn(old[0].recv, 1)
            weft.checkpoint()
            numbers = {sock.fileno() for sock in old}
            for sock in old:
                close(sock)
            new = socket.socketpair()
            assert {sock.fileno() for sock in new} == numbers
            readers = [weft.spawn(sock.recv, 1) for sock in new]
            weft.checkpoint()
            new[0].send(b"1")
            new[1].send(b"0")
            assert [reader.result(SECONDS) for reader in readers] == [b"0", b"1"]
            assert bad_descriptor(stale)
            for sock in new:
                sock.close()

    def test_a_dropped_socket_leaves_nothing_behind(self) -> None:
        for _ in range(20):
            one, other = socket.socketpair()
            reader = weft.spawn(one.recv, 1)
            weft.checkpoint()
            other.send(b"x")
            reader.result(SECONDS)
            del reader
            with pytest.warns(ResourceWarning):
                del one, other
            gc.collect()

    def test_what_os_close_closed_is_not_taken_for_the_new_file(self) -> None:
        for _ in range(20):
            one, other = socket.socketpair()
            with other:
                reader = weft.spawn(one.recv, 1)
                weft.checkpoint()
                other.send(b"x")
                assert reader.result(SECONDS) == b"x"
                os.close(one.fileno())
                new, its_peer = socket.socketpair()
                with new, its_peer:
                    assert one.fileno() in (new.fileno(), its_peer.fileno())
                    readers = [weft.spawn(sock.recv, 1) for sock in (new, its_peer)]
                    weft.checkpoint()
                    new.send(b"a")
                    its_peer.send(b"b")
                    assert [reader.result(SECONDS) for reader in readers] == [b"b", b"a"]
                one.detach()

    def test_hammer(self) -> None:
        """Hundreds of sockets closed and made anew while tasks wait on all of them."""
        chance = random.Random(1)
        served = stopped = 0
        pairs: dict[int, tuple[socket.socket, socket.socket, weft.Task]] = {}

        def make() -> tuple[socket.socket, socket.socket, weft.Task]:
            one, other = socket.socketpair()
            return one, other, weft.spawn(read_until_closed, other)

        def end(one: socket.socket, other: socket.socket, task: weft.Task) -> list[bytes]:
            closers = [one, other]
            chance.shuffle(closers)
            closers[0].close()
            if chance.random() < 0.5:
                weft.checkpoint()
            closers[1].close()
            return task.result(SECONDS)

        for slot in range(50):
            pairs[slot] = make()
        for round_ in range(5000):
            slot = chance.randrange(50)
            one, other, task = pairs[slot]
            if chance.random() < 0.5:
                message = b"%d %d" % (slot, round_)
                one.send(message)
                weft.checkpoint()
                served += 1
            else:
                got = end(one, other, task)
                assert all(int(data.split()[0]) == slot for data in got)
                pairs[slot] = make()
                stopped += 1
        for pair in pairs.values():
            end(*pair)
        assert served > 1000
        assert stopped > 1000


def test_a_destructor_that_closes_a_socket_does_not_switch() -> None:
    """gevent#1957, urllib3#3289: pools close their connections in finalizers."""
    one, other = socket.socketpair()
    reader = weft.spawn(one.recv, 1)
    weft.checkpoint()
    ran = []

    class Pool:
        def __del__(self) -> None:
            one.close()
            ran.append("destructor")

    pool = Pool()
    pool.me = pool
    weft.spawn(ran.append, "other")
    del pool
    gc.collect()
    assert ran == ["destructor"], "nobody else has run so far"
    assert bad_descriptor(reader)
    other.close()
