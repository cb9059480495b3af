"""StreamServer on Unix sockets: the path, its stale file, its removal."""

import errno
import os
import socket as stdlib

import pytest

import weft
from weft.servers import StreamServer


def echo(sock, address):
    while data := sock.recv(65536):
        sock.sendall(data)


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A relative path: an absolute one can be longer than the 107 bytes the kernel takes."""
    monkeypatch.chdir(tmp_path)
    return "server.sock"


def test_echo_by_path(serve, connect, path):
    server = serve(echo, path)
    assert server.address == path
    client = connect(server)
    client.sendall(b"local")
    assert client.recv(10) == b"local"


def test_path_objects_and_bytes(serve, connect, tmp_path, path):
    connect(serve(echo, type(tmp_path)(path)))
    connect(serve(echo, b"other.sock"))
    assert os.path.exists("other.sock")


def test_tasks_are_numbered(serve, connect, path):
    server = serve(lambda sock, address: sock.sendall(weft.current().name.encode()), path)
    assert connect(server).recv(100).endswith(b" #1")
    assert connect(server).recv(100).endswith(b" #2")


def test_file_is_removed_on_stop(serve, path):
    server = serve(echo, path)
    assert os.path.exists(path)
    server.stop()
    assert not os.path.exists(path)


def test_stale_file_is_replaced(serve, connect, path):
    with stdlib.socket(stdlib.AF_UNIX) as dead:
        dead.bind(path)
    client = connect(serve(echo, path))
    client.sendall(b"alive")
    assert client.recv(10) == b"alive"


def test_live_server_is_not_replaced(serve, connect, path):
    server = serve(echo, path)
    with pytest.raises(OSError) as failed:
        StreamServer(echo, path).start()
    assert failed.value.errno == errno.EADDRINUSE
    client = connect(server)
    client.sendall(b"mine")
    assert client.recv(10) == b"mine"


def test_live_server_with_a_full_backlog_is_not_replaced(path):
    with stdlib.socket(stdlib.AF_UNIX) as busy, stdlib.socket(stdlib.AF_UNIX) as client:
        busy.bind(path)
        busy.listen(0)
        client.connect(path)
        with pytest.raises(OSError) as failed:
            StreamServer(echo, path).start()
        assert failed.value.errno == errno.EADDRINUSE
    assert os.path.exists(path)


def test_other_files_are_not_replaced(path):
    with open(path, "w") as file:
        file.write("precious")
    with pytest.raises(OSError) as failed:
        StreamServer(echo, path).start()
    assert failed.value.errno == errno.EADDRINUSE
    with open(path) as file:
        assert file.read() == "precious"


def test_file_that_another_server_put_there_is_left(serve, path):
    server = serve(echo, path)
    os.unlink(path)
    successor = serve(echo, path)
    server.stop()
    assert os.path.exists(path)
    successor.stop()
    assert not os.path.exists(path)


def test_file_removed_by_somebody_else(serve, path):
    server = serve(echo, path)
    os.unlink(path)
    server.stop()


def test_abstract_name(serve, connect):
    server = serve(echo, f"\0weft-test-{os.getpid()}")
    client = connect(server)
    client.sendall(b"nowhere")
    assert client.recv(10) == b"nowhere"
