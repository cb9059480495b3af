"""StreamServer with TLS: the handshake is the connection's own affair."""

import logging
import ssl as stdlib_ssl
import threading

import pytest

import weft
import weft.ssl
from weft.socket import IPPROTO_TCP, TCP_NODELAY


def echo(sock, address):
    while data := sock.recv(65536):
        sock.sendall(data)


@pytest.fixture
def context(certs):
    context = weft.ssl.SSLContext(weft.ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certs / "localhost.pem")
    return context


@pytest.fixture
def client_context(certs):
    return weft.ssl.create_default_context(cafile=certs / "ca.pem")


@pytest.fixture
def connect_tls(connect, client_context):
    def client(server):
        return client_context.wrap_socket(connect(server), server_hostname="localhost")

    return client


def test_echo(serve, connect_tls, context):
    with connect_tls(serve(echo, ssl=context)) as client:
        client.sendall(b"secret" * 10_000)
        received = b""
        while len(received) < 60_000:
            received += client.recv(65536)
        assert received == b"secret" * 10_000


def test_context_of_the_unpatched_stdlib(serve, connect_tls, certs):
    context = stdlib_ssl.SSLContext(stdlib_ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certs / "localhost.pem")
    with connect_tls(serve(echo, ssl=context)) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"


def test_handler_gets_a_tls_socket_without_timeout_and_with_nodelay(serve, connect_tls, context):
    def handler(sock, address):
        assert isinstance(sock, weft.ssl.SSLSocket) and sock.gettimeout() is None
        assert sock.getsockopt(IPPROTO_TCP, TCP_NODELAY) == 1
        sock.sendall(sock.version().encode())

    with connect_tls(serve(handler, ssl=context)) as client:
        assert client.recv(100) == b"TLSv1.3"


def test_a_client_that_does_not_shake_hands_blocks_nobody(
    serve, connect, connect_tls, context, wait_for
):
    server = serve(echo, ssl=context)
    silent = connect(server)
    wait_for(lambda: server.statistics().connections == 1)
    with connect_tls(server) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
    silent.close()


def test_a_client_too_slow_for_the_handshake_is_dropped(serve, connect, context, caplog):
    caplog.set_level(logging.INFO)
    server = serve(echo, ssl=context, handshake_seconds=0.01)
    silent = connect(server)
    assert silent.recv(1) == b""
    host, port = silent.getsockname()
    [record] = caplog.records
    assert record.levelno == logging.INFO and record.exc_info is None
    assert f"{host}:{port}" in record.getMessage() and "timed out" in record.getMessage()


def test_a_client_that_speaks_no_tls_is_one_line_in_the_log(
    serve, connect, context, caplog, wait_for
):
    caplog.set_level(logging.INFO)
    server = serve(echo, ssl=context)
    connect(server).sendall(b"GET / HTTP/1.0\r\n\r\n")
    wait_for(lambda: server.statistics() == (0, 1))
    assert [record.levelno for record in caplog.records] == [logging.INFO]


def test_a_client_that_resets_before_the_handshake(serve, connect, context, caplog, wait_for):
    server = serve(echo, ssl=context)
    client = connect(server)
    client.setsockopt(weft.socket.SOL_SOCKET, weft.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    wait_for(lambda: server.statistics() == (0, 1))
    assert not caplog.records


def test_the_end_is_told_to_the_peer(serve, connect, context, client_context):
    """close_notify is sent, so a client that minds ragged ends sees a clean one."""
    server = serve(lambda sock, address: sock.sendall(b"bye"), ssl=context)
    sock = connect(server)
    with client_context.wrap_socket(
        sock, server_hostname="localhost", suppress_ragged_eofs=False
    ) as client:
        assert client.recv(10) == b"bye"
        assert client.recv(10) == b""


def test_failing_handler(serve, connect_tls, context, caplog):
    def handler(sock, address):
        raise LookupError("told to")

    with connect_tls(serve(handler, ssl=context)) as client:
        assert client.recv(1) == b""
    assert [record.exc_info[0] for record in caplog.records] == [LookupError]


def test_stop_cancels_a_handshake(serve, connect, context, wait_for):
    server = serve(echo, ssl=context)
    silent = connect(server)
    wait_for(lambda: server.statistics().connections == 1)
    weft.checkpoint()
    server.stop()
    assert silent.recv(1) == b""


def test_a_client_of_another_thread_that_knows_nothing_of_weft(serve, context, certs, wait_for):
    server = serve(echo, ssl=context)
    seen = []

    def client():
        trusting = stdlib_ssl.create_default_context(cafile=certs / "ca.pem")
        stdlib_socket = pytest.importorskip("socket")
        with (
            stdlib_socket.create_connection(server.address) as sock,
            trusting.wrap_socket(sock, server_hostname="localhost") as tls,
        ):
            tls.sendall(b"plain python")
            seen.append(tls.recv(100))

    thread = threading.Thread(target=client)
    thread.start()
    wait_for(lambda: not thread.is_alive())
    assert seen == [b"plain python"]
