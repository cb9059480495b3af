"""What accept(2) fails with: the server backs off or goes on, and says so."""

import errno
import os

import pytest

import weft
from weft import socket
from weft.servers import _accept
from weft.servers._accept import Acceptor

FULL_TABLE = """
import logging, os, resource, socket, weft
from weft.servers import StreamServer

class Collect(logging.Handler):
    def emit(self, record):
        messages.append(record.getMessage())

messages = []
logging.getLogger("weft.servers").addHandler(Collect())

def echo(sock, address):
    while data := sock.recv(100):
        sock.sendall(data)

server = StreamServer(echo, ("127.0.0.1", 0))
server.start()
# The hub does not run while these connect, so all of them are in the backlog.
plain = [socket.create_connection(server.address) for _ in range(8)]
clients = [weft.socket.socket(fileno=sock.detach()) for sock in plain]
spare = len(os.listdir("/proc/self/fd")) - 1 + 4      # listdir itself has one open
resource.setrlimit(resource.RLIMIT_NOFILE, (spare, spare))
for client in clients:
    client.sendall(b"hello")
for client in clients[:4]:
    assert client.recv(100) == b"hello"
while not messages:
    weft.checkpoint()
assert server.statistics() == (4, 4), server
for client in clients[:-1]:
    client.close()
assert clients[-1].recv(100) == b"hello"
clients[-1].close()
assert server.statistics().accepted == 8
assert len(messages) == 1 and "Too many open files" in messages[0], messages
server.stop()
"""


def test_a_full_descriptor_table_is_logged_once_and_waited_out(run_python):
    done = run_python("-c", FULL_TABLE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


class FailingListener(socket.socket):
    """Its accept fails as ``errors`` says, one after another, and works then."""

    errors: list[int]

    def _accept(self):
        if self.errors:
            number = self.errors.pop(0)
            raise OSError(number, os.strerror(number))
        return super()._accept()


@pytest.fixture
def listener():
    with FailingListener() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        sock.errors = []
        yield sock


@pytest.fixture
def accepted():
    """The connections that were accepted; their descriptors are closed after the test."""
    fds: list[int] = []
    yield fds
    for fd in fds:
        os.close(fd)


@pytest.fixture
def accept(listener, accepted):
    """Run an acceptor over ``listener`` in a task, with one client waiting."""

    def start(*errors: int) -> weft.Task:
        listener.errors[:] = errors
        acceptor = Acceptor(listener, lambda fd, _: accepted.append(fd), lambda: True, "it")
        return weft.spawn(acceptor.run)

    with socket.create_connection(listener.getsockname()):
        yield start


@pytest.mark.parametrize(
    "number", [errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.ENETDOWN, errno.EHOSTUNREACH]
)
def test_a_connection_lost_in_the_backlog_is_passed_over(
    accept, accepted, listener, caplog, wait_for, number
):
    accepting = accept(number, number)
    wait_for(lambda: accepted)
    listener.close()
    accepting.result()
    assert not caplog.records


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_exhaustion_is_logged_once(
    accept, accepted, listener, caplog, monkeypatch, wait_for, number
):
    monkeypatch.setattr(_accept, "BACK_OFF", 0.001)
    accepting = accept(number, number, number)
    wait_for(lambda: accepted)
    listener.close()
    accepting.result()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert os.strerror(number) in caplog.text


def test_exhaustion_is_logged_again_once_the_backlog_was_empty(
    accept, accepted, listener, caplog, monkeypatch, wait_for
):
    monkeypatch.setattr(_accept, "BACK_OFF", 0.001)
    accepting = accept(errno.EMFILE)
    wait_for(lambda: accepted and accepting.wait_kind == "read")
    listener.errors.append(errno.EMFILE)
    with socket.create_connection(listener.getsockname()):
        wait_for(lambda: len(accepted) == 2)
    listener.close()
    accepting.result()
    assert len(caplog.records) == 2


def test_the_end_of_a_connection_ends_the_back_off(listener, accepted, monkeypatch, wait_for):
    monkeypatch.setattr(_accept, "BACK_OFF", 1e6)
    listener.errors[:] = [errno.EMFILE]
    acceptor = Acceptor(listener, lambda fd, _: accepted.append(fd), lambda: True, "it")
    accepting = weft.spawn(acceptor.run)
    with socket.create_connection(listener.getsockname()):
        wait_for(lambda: accepting.wait_kind == "resources")
        acceptor.connection_ended()
        wait_for(lambda: accepted)
    listener.close()
    accepting.result()


def test_what_cannot_be_waited_out_is_logged_and_raised(accept, caplog):
    accepting = accept(errno.EINVAL)
    with pytest.raises(OSError, match="Invalid argument"):
        accepting.result()
    assert "it accepts no more connections" in caplog.text


def test_a_failed_acceptor_ends_serve_forever_with_its_error(serve, wait_for):
    def echo(sock, address):
        while data := sock.recv(100):
            sock.sendall(data)

    server = serve(echo)
    serving = weft.spawn(server.serve_forever)
    wait_for(lambda: server._accepting.wait_kind == "read" and serving.wait_kind == "join")
    server._listener.sock.shutdown(socket.SHUT_RDWR)  # accept fails with EINVAL from now on
    with pytest.raises(OSError, match="Invalid argument"):
        serving.result()
