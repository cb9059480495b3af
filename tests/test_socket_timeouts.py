"""Timeouts of green sockets: none, zero and some, set, inherited and by default."""

import contextlib
import decimal
import socket as stdlib
from collections.abc import Iterator

import pytest

import weft
from weft import socket

SECONDS = 20


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


@pytest.fixture
def full(pair) -> socket.socket:
    """A stream socket that has no room."""
    one = pair[0]
    with pytest.raises(BlockingIOError):
        while True:
            one.send(bytes(100_000), socket.MSG_DONTWAIT)
    return one


@pytest.fixture
def backlogged() -> Iterator[tuple[str, int]]:
    """The address of a TCP listener that takes no more connections."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        address = server.getsockname()
        for _ in range(2):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(address)
        yield address


WAITING = {
    "accept": lambda sock: sock.accept(),
    "recv": lambda sock: sock.recv(1),
    "recv_into": lambda sock: sock.recv_into(bytearray(1)),
    "recvfrom": lambda sock: sock.recvfrom(1),
    "recvfrom_into": lambda sock: sock.recvfrom_into(bytearray(1)),
    "recvmsg": lambda sock: sock.recvmsg(1),
    "recvmsg_into": lambda sock: sock.recvmsg_into([bytearray(1)]),
    "send": lambda sock: sock.send(b"x"),
    "sendall": lambda sock: sock.sendall(b"x"),
    "sendmsg": lambda sock: sock.sendmsg([b"x"]),
}


@pytest.fixture(params=WAITING)
def waiting(request: pytest.FixtureRequest, full, tmp_path):
    """A call that has to wait, and its socket."""
    call = WAITING[request.param]
    if request.param != "accept":
        yield full, lambda: call(full)
        return
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        server.listen()
        yield server, lambda: call(server)


def test_a_timeout_ends_any_wait(waiting) -> None:
    sock, call = waiting
    sock.settimeout(0.01)
    with pytest.raises(TimeoutError, match=r"^timed out$"):
        call()


def test_a_timeout_is_not_early(waiting) -> None:
    sock, call = waiting
    sock.settimeout(0.0304)
    start = weft.now()
    with pytest.raises(TimeoutError):
        call()
    assert weft.now() >= start + 0.0304


def test_zero_never_waits(waiting) -> None:
    sock, call = waiting
    sock.settimeout(0)
    with pytest.raises(BlockingIOError):
        call()


def test_none_waits(waiting) -> None:
    sock, call = waiting
    sock.settimeout(None)
    task = weft.spawn(call)
    weft.checkpoint()
    assert task.state == "parked"
    task.cancel()
    with pytest.raises(weft.Cancelled):
        task.result(SECONDS)


def test_a_wait_keeps_the_timeout_it_began_with(waiting) -> None:
    sock, call = waiting
    sock.settimeout(0.05)
    task = weft.spawn(call)
    weft.checkpoint()
    sock.settimeout(None)
    with pytest.raises(TimeoutError):
        task.result(SECONDS)


def test_sendall_counts_its_timeout_from_the_start(pair) -> None:
    one, other = pair
    one.settimeout(0.05)
    writer = weft.spawn(one.sendall, bytes(100_000_000))

    def sip() -> None:
        # Each sip makes room, so that no single wait is long.
        while not writer.done:
            other.recv(4096)
            weft.sleep(0.001)

    reader = weft.spawn(sip)
    with pytest.raises(TimeoutError):
        writer.result(SECONDS)
    reader.result(SECONDS)


class TestConnect:
    def test_it_times_out(self, backlogged) -> None:
        with socket.socket() as sock:
            sock.settimeout(0.02)
            with pytest.raises(TimeoutError, match=r"^timed out$"):
                sock.connect(backlogged)

    def test_connect_ex_returns_what_the_stdlib_returns(self, backlogged) -> None:
        for timeout in (0.02, 0):
            with socket.socket() as green, stdlib.socket() as original:
                green.settimeout(timeout)
                original.settimeout(timeout)
                assert green.connect_ex(backlogged) == original.connect_ex(backlogged) != 0

    def test_zero_does_not_wait(self, backlogged) -> None:
        with socket.socket() as sock:
            sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                sock.connect(backlogged)

    def test_create_connection_takes_a_timeout(self, backlogged) -> None:
        with pytest.raises(TimeoutError):
            socket.create_connection(backlogged, timeout=0.02)

    def test_a_connection_under_way_is_waited_for(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as sock:
            sock.setblocking(False)
            sock.connect_ex(server.getsockname())
            sock.setblocking(True)
            assert sock.connect_ex(server.getsockname()) in (0, stdlib.errno.EISCONN)

    def test_refused(self) -> None:
        with socket.socket() as free, socket.socket() as sock:
            free.bind(("127.0.0.1", 0))
            address = free.getsockname()
            with pytest.raises(ConnectionRefusedError):
                sock.connect(address)
            with socket.socket() as again:
                assert again.connect_ex(address) == stdlib.errno.ECONNREFUSED
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(address)

    def test_a_unix_connection_waits_for_room(self, tmp_path) -> None:
        path = str(tmp_path / "socket")
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(path)
            server.listen(0)
            clients = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(4)]
            tasks = [weft.spawn(client.connect, path) for client in clients]
            weft.checkpoint()
            assert not tasks[-1].done
            for _ in clients:
                stack.enter_context(server.accept()[0])
            for task in tasks:
                task.result(SECONDS)

    def test_a_unix_connection_with_a_timeout_does_not(self, tmp_path) -> None:
        path = str(tmp_path / "socket")
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(path)
            server.listen(0)
            with pytest.raises(BlockingIOError):
                for _ in range(4):
                    client = stack.enter_context(socket.socket(socket.AF_UNIX))
                    client.settimeout(SECONDS)
                    client.connect(path)


class TestSetting:
    @pytest.fixture(params=[socket.socket, stdlib.socket], ids=["weft", "stdlib"])
    def sock(self, request: pytest.FixtureRequest) -> Iterator[stdlib.socket]:
        with request.param() as sock:
            yield sock

    def test_none_by_default(self, sock) -> None:
        assert sock.gettimeout() is sock.timeout is None
        assert sock.getblocking() is True

    @pytest.mark.parametrize("value", [0, 1, 2.5, 0.1, 1e-6, True])
    def test_a_number(self, sock, value) -> None:
        sock.settimeout(value)
        assert sock.gettimeout() == sock.timeout == value
        assert type(sock.gettimeout()) is float
        assert sock.getblocking() is bool(value)

    @pytest.mark.parametrize(
        ("value", "error"),
        [
            (-1, ValueError),
            (-0.1, ValueError),
            (float("nan"), ValueError),
            (float("inf"), OverflowError),
            (1e100, OverflowError),
            (1 << 70, OverflowError),
            ("1", TypeError),
            (b"1", TypeError),
            (decimal.Decimal(1), TypeError),
            ([], TypeError),
        ],
    )
    def test_what_is_no_time_is_refused(self, sock, value, error) -> None:
        sock.settimeout(5)
        with pytest.raises(error):
            sock.settimeout(value)
        assert sock.gettimeout() == 5

    def test_setblocking_asks_the_kernel_whether_it_is_open(self) -> None:
        """A socket with the same descriptor closed it; settimeout makes no call for that."""
        first = socket.socket()
        second = socket.socket(fileno=first.fileno())
        first.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            second.setblocking(False)
        second.detach()

    def test_setblocking(self, sock) -> None:
        sock.setblocking(False)
        assert sock.gettimeout() == 0.0
        sock.setblocking(1)
        assert sock.gettimeout() is None

    def test_closed(self, sock) -> None:
        sock.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            sock.settimeout(1)
        with pytest.raises(OSError, match="Bad file descriptor"):
            sock.setblocking(True)

    def test_nonblock_flag(self) -> None:
        kind = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        with socket.socket(socket.AF_INET, kind) as sock:
            assert sock.gettimeout() == 0.0
            assert sock.type == socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            assert sock.gettimeout() is None

    def test_subclass_of_a_number(self) -> None:
        class Seconds(float):
            pass

        with socket.socket() as sock:
            sock.settimeout(Seconds(2))
            assert sock.gettimeout() == 2.0
            assert not stdlib.socket.gettimeout(sock)


class TestDefault:
    @pytest.fixture(autouse=True)
    def restored(self) -> Iterator[None]:
        yield
        socket.setdefaulttimeout(None)

    @pytest.mark.parametrize("value", [None, 0.0, 3.0])
    def test_new_sockets_have_it(self, value) -> None:
        socket.setdefaulttimeout(value)
        one, other = socket.socketpair()
        with socket.socket() as sock, one, other:
            assert [each.gettimeout() for each in (sock, one, other)] == [value] * 3

    def test_accepted_sockets_have_it_and_not_the_listeners(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(SECONDS)
            for value in (None, 3.0):
                socket.setdefaulttimeout(value)
                with socket.create_connection(server.getsockname()):
                    accepted, _ = server.accept()
                    with accepted:
                        assert accepted.gettimeout() == value

    def test_dup_has_the_sockets(self) -> None:
        with socket.socket() as sock:
            sock.settimeout(7)
            with sock.dup() as again, socket.fromfd(sock.fileno(), sock.family, sock.type) as new:
                assert again.gettimeout() == 7
                assert new.gettimeout() is None
