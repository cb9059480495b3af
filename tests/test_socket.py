"""Data through green sockets: receiving, sending, files, and what the kernel's flags promise."""

import array
import contextlib
import hashlib
import io
import os
import socket as stdlib
from collections.abc import Callable, Iterator

import pytest

import weft
from weft import socket

Pair = tuple[socket.socket, socket.socket]
# Nothing here takes long: what does is stuck, and this says where.
SECONDS = 20


def tcp() -> Pair:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        return client, server.accept()[0]


def udp() -> Pair:
    one, other = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    for sock in (one, other):
        sock.bind(("127.0.0.1", 0))
    one.connect(other.getsockname())
    other.connect(one.getsockname())
    return one, other


def unix(kind: int) -> Callable[[], Pair]:
    return lambda: socket.socketpair(socket.AF_UNIX, kind)


STREAMS = {"tcp": tcp, "unix": unix(socket.SOCK_STREAM)}
DATAGRAMS = {
    "udp": udp,
    "unix-datagram": unix(socket.SOCK_DGRAM),
    "unix-seqpacket": unix(socket.SOCK_SEQPACKET),
}
KINDS = STREAMS | DATAGRAMS


@pytest.fixture(params=KINDS)
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    one, other = KINDS[request.param]()
    with one, other:
        yield one, other


@pytest.fixture(params=STREAMS)
def stream(request: pytest.FixtureRequest) -> Iterator[Pair]:
    one, other = STREAMS[request.param]()
    with one, other:
        yield one, other


def recv(sock: socket.socket) -> bytes:
    return sock.recv(100)


def recv_into(sock: socket.socket) -> bytes:
    buffer = bytearray(100)
    return bytes(buffer[: sock.recv_into(buffer)])


def recvfrom(sock: socket.socket) -> bytes:
    return sock.recvfrom(100)[0]


def recvfrom_into(sock: socket.socket) -> bytes:
    buffer = bytearray(100)
    return bytes(buffer[: sock.recvfrom_into(buffer)[0]])


def recvmsg(sock: socket.socket) -> bytes:
    return sock.recvmsg(100)[0]


def recvmsg_into(sock: socket.socket) -> bytes:
    parts = [bytearray(2), bytearray(100)]
    count = sock.recvmsg_into(iter(parts))[0]
    return b"".join(parts)[:count]


RECEIVERS = [recv, recv_into, recvfrom, recvfrom_into, recvmsg, recvmsg_into]


@pytest.mark.parametrize("receive", RECEIVERS)
def test_receiving_parks_until_something_comes(pair: Pair, receive: Callable) -> None:
    one, other = pair
    reader = weft.spawn(receive, other)
    weft.checkpoint()
    assert reader.wait_kind == "read"
    one.send(b"hello")
    assert reader.result(SECONDS) == b"hello"


@pytest.mark.parametrize("receive", RECEIVERS)
def test_receiving_what_is_there_does_not_park(pair: Pair, receive: Callable) -> None:
    one, other = pair
    weft.checkpoint()  # and the share of operations without a switch begins anew
    others = weft.spawn(lambda: None)
    one.send(b"hello")
    assert receive(other) == b"hello"
    assert not others.done


def test_each_message_arrives_once_and_in_order(pair: Pair) -> None:
    one, other = pair
    size = 10

    def reader() -> list[bytes]:
        return [other.recv(size) for _ in range(200)]

    task = weft.spawn(reader)
    sent = [b"%010d" % number for number in range(200)]
    for message in sent:
        one.send(message)
        weft.checkpoint()
    assert task.result(SECONDS) == sent


def test_both_directions_at_once(stream: Pair) -> None:
    data = os.urandom(3_000_000)

    def read_all(sock: socket.socket) -> bytes:
        parts = []
        while part := sock.recv(65536):
            parts.append(part)
        return b"".join(parts)

    def write_all(sock: socket.socket) -> None:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)

    readers = [weft.spawn(read_all, sock) for sock in stream]
    writers = [weft.spawn(write_all, sock) for sock in stream]
    for writer in writers:
        writer.result(SECONDS)
    for reader in readers:
        assert hashlib.sha256(reader.result(SECONDS)).digest() == hashlib.sha256(data).digest()


@pytest.mark.parametrize("size", [1000, 65536, 65537, 1_000_000])
def test_recv_of_any_size(stream: Pair, size: int) -> None:
    one, other = stream
    data = os.urandom(size)
    writer = weft.spawn(one.sendall, data)
    received = b""
    while len(received) < size:
        received += other.recv(size)
    writer.result(SECONDS)
    assert received == data


def send(sock: socket.socket, data: bytes) -> int:
    return sock.send(data)


def sendmsg(sock: socket.socket, data: bytes) -> int:
    return sock.sendmsg(iter([data[:1000], memoryview(data)[1000:]]))


@pytest.mark.parametrize("sender", [send, sendmsg])
def test_send_without_timeout_sends_all_as_on_a_blocking_descriptor(
    stream: Pair, sender: Callable
) -> None:
    one, other = stream
    data = os.urandom(5_000_000)
    writer = weft.spawn(sender, one, data)
    received = other.recv(len(data), socket.MSG_WAITALL)
    assert writer.result(SECONDS) == len(data)
    assert received == data


@pytest.mark.parametrize("sender", [send, sendmsg])
def test_send_with_timeout_sends_what_fits(stream: Pair, sender: Callable) -> None:
    one, other = stream
    one.settimeout(SECONDS)
    sent = sender(one, bytes(20_000_000))
    assert 0 < sent < 20_000_000
    assert other.recv(sent, socket.MSG_WAITALL) == bytes(sent)


def test_datagrams_wait_for_room() -> None:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        count = 2000

        def writer() -> None:
            for number in range(count):
                one.send(b"%d" % number)

        task = weft.spawn(writer)
        while task.state != "parked":
            weft.checkpoint()
        assert task.wait_kind == "write"
        assert [int(other.recv(100)) for _ in range(count)] == list(range(count))
        task.result(SECONDS)


def test_sendto_and_recvfrom_tell_addresses() -> None:
    with contextlib.ExitStack() as stack:
        one, other = (
            stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2)
        )
        one.bind(("localhost", 0))
        other.bind(("", 0))
        port = other.getsockname()[1]
        for address in (("127.0.0.1", port), ("localhost", port)):
            assert one.sendto(b"x", address) == 1
            assert one.sendto(b"y", 0, address) == 1
            assert other.recvfrom(10) == (b"x", one.getsockname())
            assert other.recvfrom(10) == (b"y", one.getsockname())
        with pytest.raises(TypeError, match="1 given"):
            one.sendto(b"x")


class TestFlags:
    def test_waitall_waits_for_all(self, stream: Pair) -> None:
        one, other = stream
        reader = weft.spawn(other.recv, 30, socket.MSG_WAITALL)
        for _ in range(3):
            one.send(b"0123456789")
            weft.checkpoint()
        assert reader.result(SECONDS) == b"0123456789" * 3

    def test_waitall_stops_at_the_end_of_the_stream(self, stream: Pair) -> None:
        one, other = stream
        buffer = bytearray(30)
        reader = weft.spawn(other.recv_into, buffer, 0, socket.MSG_WAITALL)
        one.send(b"0123456789")
        weft.checkpoint()
        one.shutdown(socket.SHUT_WR)
        assert reader.result(SECONDS) == 10

    def test_waitall_receives_one_datagram(self) -> None:
        one, other = udp()
        with one, other:
            one.send(b"x")
            assert other.recv(30, socket.MSG_WAITALL) == b"x"

    def test_dontwait_never_parks(self, pair: Pair) -> None:
        other = pair[1]
        calls = [
            lambda: other.recv(1, socket.MSG_DONTWAIT),
            lambda: other.recv_into(bytearray(1), 0, socket.MSG_DONTWAIT),
            lambda: other.recvfrom(1, socket.MSG_DONTWAIT),
            lambda: other.recvfrom_into(bytearray(1), 0, socket.MSG_DONTWAIT),
            lambda: other.recvmsg(1, 0, socket.MSG_DONTWAIT),
            lambda: other.recvmsg_into([bytearray(1)], 0, socket.MSG_DONTWAIT),
            lambda: other.recvmsg(1, 0, socket.MSG_ERRQUEUE),
        ]
        for call in calls:
            with pytest.raises(BlockingIOError):
                call()

    def test_dontwait_sends_until_it_is_full(self, stream: Pair) -> None:
        one = stream[0]
        with pytest.raises(BlockingIOError):
            while True:
                one.send(bytes(100_000), socket.MSG_DONTWAIT)
        with pytest.raises(BlockingIOError):
            one.sendmsg([b"x" * 100_000], [], socket.MSG_DONTWAIT)

    def test_peek_leaves_the_data(self, pair: Pair) -> None:
        one, other = pair
        reader = weft.spawn(other.recv, 5, socket.MSG_PEEK)
        weft.checkpoint()
        one.send(b"hello")
        assert reader.result(SECONDS) == other.recv(5) == b"hello"


class TestEndOfStream:
    def test_shutdown_by_the_peer_wakes_the_reader(self, stream: Pair) -> None:
        one, other = stream
        reader = weft.spawn(other.recv, 1)
        weft.checkpoint()
        one.shutdown(socket.SHUT_WR)
        assert reader.result(SECONDS) == b""

    def test_own_shutdown_wakes_the_reader(self, stream: Pair) -> None:
        other = stream[1]
        reader = weft.spawn(other.recv, 1)
        weft.checkpoint()
        other.shutdown(socket.SHUT_RD)
        assert reader.result(SECONDS) == b""

    def test_data_then_end(self, stream: Pair) -> None:
        one, other = stream
        reader = weft.spawn(lambda: [other.recv(10), other.recv(10), other.recv(10)])
        weft.checkpoint()
        one.send(b"last")
        one.close()
        assert reader.result(SECONDS) == [b"last", b"", b""]

    def test_reset_wakes_the_reader(self) -> None:
        one, other = tcp()
        with one, other:
            reader = weft.spawn(other.recv, 1)
            weft.checkpoint()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, array.array("i", [1, 0]).tobytes())
            one.close()
            with pytest.raises(ConnectionResetError):
                reader.result(SECONDS)

    def test_writer_learns_that_nobody_reads(self, stream: Pair) -> None:
        one, other = stream
        writer = weft.spawn(one.sendall, bytes(10_000_000))
        weft.checkpoint()
        assert writer.wait_kind == "write"
        other.close()
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            writer.result(SECONDS)


class TestCancel:
    def test_a_cancelled_read_loses_nothing(self, pair: Pair) -> None:
        one, other = pair
        reader = weft.spawn(other.recv, 10)
        weft.checkpoint()
        reader.cancel()
        with pytest.raises(weft.Cancelled):
            reader.result(SECONDS)
        one.send(b"hello")
        assert other.recv(10) == b"hello"

    def test_all_readers_of_one_socket_are_served(self, pair: Pair) -> None:
        one, other = pair
        readers = [weft.spawn(other.recv, 1) for _ in range(20)]
        weft.checkpoint()
        for _ in readers:
            one.send(b"x")
        assert [reader.result(SECONDS) for reader in readers] == [b"x"] * 20


class TestMakefile:
    def test_lines_both_ways(self, stream: Pair) -> None:
        one, other = stream

        def shout() -> None:
            with other.makefile("rw", encoding="utf-8", newline="\n") as file:
                for line in file:
                    file.write(line.upper())
                    file.flush()

        task = weft.spawn(shout)
        with one.makefile("rwb") as file:
            for _ in range(3):
                file.write(b"hello\n")
                file.flush()
                assert file.readline() == b"HELLO\n"
        one.shutdown(socket.SHUT_WR)
        task.result(SECONDS)

    def test_reading_past_a_timeout_fails(self, stream: Pair) -> None:
        one, other = stream
        other.settimeout(0.01)
        with other.makefile("rb") as file:
            with pytest.raises(TimeoutError):
                file.read(1)
            one.send(b"x")
            with pytest.raises(OSError, match="timed out object"):
                file.read(1)

    @pytest.mark.parametrize("mode", ["rb", "rwb"])
    def test_tasks_that_read_one_file_take_turns(self, stream: Pair, mode: str) -> None:
        one, other = stream
        with other.makefile(mode) as file:
            calls = [
                lambda: file.read(2),
                lambda: file.readline(),
                lambda: file.read1(2),
                lambda: file.peek(2)[:0] + file.read(2),
                lambda: bytes(2) and file.readinto(bytearray(2)),
            ]
            tasks = [weft.spawn(call) for call in calls]
            weft.checkpoint()
            for _ in calls:
                one.send(b"1\n")
                weft.checkpoint()
            results = [task.result(SECONDS) for task in tasks]
            assert results == [b"1\n", b"1\n", b"1\n", b"1\n", 2]

    @pytest.mark.parametrize("mode", ["wb", "rwb"])
    def test_tasks_that_write_one_file_take_turns(self, stream: Pair, mode: str) -> None:
        one, other = stream
        file = one.makefile(mode)
        parts = [bytes([number]) * 3_000_000 for number in range(5)]
        tasks = [weft.spawn(file.write, part) for part in parts]
        closer = weft.spawn(file.close)
        weft.checkpoint()
        assert not closer.done
        received = other.recv(sum(map(len, parts)), socket.MSG_WAITALL)
        assert received == b"".join(parts)
        assert [task.result(SECONDS) for task in tasks] == [*map(len, parts)]
        closer.result(SECONDS)

    def test_one_task_reads_a_file_while_another_writes_it(self, stream: Pair) -> None:
        one, other = stream
        with other.makefile("rwb") as file:
            reader = weft.spawn(file.readline)
            weft.checkpoint()
            file.write(b"question\n")
            file.flush()
            assert one.recv(100) == b"question\n"
            one.send(b"answer\n")
            assert reader.result(SECONDS) == b"answer\n"

    def test_the_file_is_one_of_the_stdlibs(self, stream: Pair) -> None:
        one = stream[0]
        kinds = {
            "rb": io.BufferedReader,
            "wb": io.BufferedWriter,
            "rwb": io.BufferedRWPair,
            "r": io.TextIOWrapper,
        }
        for mode, kind in kinds.items():
            with one.makefile(mode) as file:
                assert isinstance(file, kind)
        with one.makefile("rb", buffering=0) as file:
            assert type(file) is socket.SocketIO
        with one.makefile("rb") as reader, one.makefile("wb") as writer:
            assert repr(reader).startswith("<_io.BufferedReader name=")
            assert repr(writer).startswith("<_io.BufferedWriter name=")

    def test_closing_the_socket_leaves_the_file_open(self, stream: Pair) -> None:
        one, other = stream
        file = other.makefile("rb")
        other.close()
        reader = weft.spawn(file.read, 1)
        weft.checkpoint()
        one.send(b"x")
        assert reader.result(SECONDS) == b"x"
        file.close()
        assert other.fileno() == -1


class TestSendfile:
    DATA = bytes(range(256)) * 8000

    @pytest.fixture
    def file(self, tmp_path) -> Iterator[io.BufferedReader]:
        path = tmp_path / "data"
        path.write_bytes(self.DATA)
        with path.open("rb") as file:
            yield file

    def received(self, stream: Pair, *arguments) -> tuple[int, bytes]:
        one, other = stream

        def sender() -> int:
            sent = one.sendfile(*arguments)
            one.shutdown(socket.SHUT_WR)
            return sent

        task = weft.spawn(sender)
        data = other.recv(len(self.DATA) + 1, socket.MSG_WAITALL)
        return task.result(SECONDS), data

    def test_a_whole_file(self, stream: Pair, file) -> None:
        assert self.received(stream, file) == (len(self.DATA), self.DATA)
        assert file.tell() == len(self.DATA)

    def test_a_part(self, stream: Pair, file) -> None:
        assert self.received(stream, file, 1000, 500_000) == (500_000, self.DATA[1000:501_000])
        assert file.tell() == 501_000

    def test_what_is_no_file_of_the_kernel_is_copied(self, stream: Pair) -> None:
        assert self.received(stream, io.BytesIO(self.DATA)) == (len(self.DATA), self.DATA)

    def test_it_times_out(self, stream: Pair, file) -> None:
        stream[0].settimeout(0.01)
        with pytest.raises(TimeoutError, match="timed out"):
            while True:
                stream[0].sendfile(file)

    def test_it_refuses_a_non_blocking_socket(self, stream: Pair, file) -> None:
        stream[0].setblocking(False)
        with pytest.raises(ValueError, match="non-blocking sockets are not supported"):
            stream[0].sendfile(file)


def test_descriptors_pass_through_a_unix_socket() -> None:
    one, other = socket.socketpair()
    reader, writer = os.pipe()
    with one, other:
        task = weft.spawn(socket.recv_fds, other, 10, 4)
        weft.checkpoint()
        socket.send_fds(one, [b"x"], [writer])
        data, fds, _, _ = task.result(SECONDS)
        assert data == b"x"
        os.write(fds[0], b"through")
        assert os.read(reader, 10) == b"through"
        for fd in (reader, writer, *fds):
            os.close(fd)


def test_wrong_arguments_get_the_errors_of_the_stdlib(stream: Pair) -> None:
    one, _ = stream
    with stdlib.socket() as original:
        for call in (
            lambda sock: sock.recv("x"),
            lambda sock: sock.recv(-1),
            lambda sock: sock.recv_into(b"read only"),
            lambda sock: sock.recv_into(bytearray(1), 2),
            lambda sock: sock.recv_into(bytearray(1), -1),
            lambda sock: sock.send("text"),
            lambda sock: sock.sendall("text"),
            lambda sock: sock.sendall(),
            lambda sock: sock.sendto(b"x", 0, None),
            lambda sock: sock.sendmsg(b"bytes"),
            lambda sock: sock.sendmsg(1),
            lambda sock: sock.recvmsg(-1),
        ):
            with pytest.raises((TypeError, ValueError)) as theirs:
                call(original)
            with pytest.raises(theirs.type):
                call(one)
