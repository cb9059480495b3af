"""StreamServer and serve_tcp: connections, their ends, the limit, stopping."""

import errno
import logging
import signal
import socket as stdlib
import threading

import pytest

import weft
from weft.servers import ServerStatistics, StreamServer
from weft.socket import IPPROTO_TCP, TCP_NODELAY, create_connection, socket

LOOPBACK = ("127.0.0.1", 0)


def echo(sock, address):
    while data := sock.recv(65536):
        sock.sendall(data)


def test_each_connection_has_a_task_of_its_own(serve, connect):
    server = serve(echo)
    one, two = connect(server), connect(server)
    two.sendall(b"second")
    assert two.recv(100) == b"second"
    one.sendall(b"first")
    assert one.recv(100) == b"first"
    assert server.statistics() == ServerStatistics(connections=2, accepted=2)


def test_handler_gets_the_peers_address(serve, connect):
    server = serve(lambda sock, address: sock.sendall(repr(address).encode()))
    client = connect(server)
    assert client.recv(100).decode() == repr(client.getsockname())


def test_address_has_the_real_port_once_started():
    server = StreamServer(echo, LOOPBACK)
    assert server.address == LOOPBACK
    server.start()
    assert server.address[1] != 0
    server.stop()


def test_socket_is_closed_when_the_handler_returns(serve, connect):
    seen = []
    server = serve(lambda sock, address: seen.append(sock))
    assert connect(server).recv(1) == b""
    assert seen[0].fileno() == -1


def test_socket_is_closed_though_a_file_of_it_is_open(serve, connect):
    seen = []
    server = serve(lambda sock, address: seen.append(sock.makefile("rb")))
    assert connect(server).recv(1) == b""
    with pytest.raises(OSError, match="Bad file descriptor"):
        seen[0].read(1)
    seen[0].close()


def test_handler_may_close_or_detach_its_socket(serve, connect, wait_for):
    detached = []

    def handler(sock, address):
        if detached:
            sock.close()
        else:
            detached.append(sock.detach())

    server = serve(handler)
    kept = connect(server)
    wait_for(lambda: server.statistics() == (0, 1))
    assert connect(server).recv(1) == b""
    with socket(fileno=detached[0]) as sock:
        sock.sendall(b"still open")
        assert kept.recv(100) == b"still open"


def test_failing_handler_is_logged_and_loses_only_its_connection(serve, connect, caplog):
    def handler(sock, address):
        if sock.recv(10) == b"fail":
            raise LookupError("told to")
        sock.sendall(b"fine")

    server = serve(handler)
    good, bad = connect(server), connect(server)
    bad.sendall(b"fail")
    assert bad.recv(10) == b""
    good.sendall(b"work")
    assert good.recv(10) == b"fine"
    [record] = caplog.records
    host, port = bad.getsockname()
    assert record.name == "weft.servers" and record.levelno == logging.ERROR
    assert f"{host}:{port} failed" in record.getMessage()
    assert record.exc_info[0] is LookupError and record.exc_info[2].tb_next is not None


def test_tasks_are_named_after_the_peer(serve, connect):
    names = []
    server = serve(lambda sock, address: names.append(weft.current().name))
    client = connect(server)
    client.recv(1)
    host, port = client.getsockname()
    assert names[0].endswith(f"<lambda> {host}:{port}")


def test_accepted_tcp_sockets_have_nodelay(serve, connect):
    server = serve(lambda sock, _: sock.sendall(b"%d" % sock.getsockopt(IPPROTO_TCP, TCP_NODELAY)))
    assert connect(server).recv(10) == b"1"


def test_limit_leaves_further_connections_in_the_backlog(serve, connect):
    server = serve(echo, limit=2)
    clients = [connect(server) for _ in range(3)]
    for client in clients:
        client.sendall(b"hello")
    assert [client.recv(10) for client in clients[:2]] == [b"hello", b"hello"]
    for _ in range(100):
        weft.checkpoint()
    assert server.statistics() == (2, 2)
    clients[0].close()
    assert clients[2].recv(10) == b"hello"
    assert server.statistics() == (2, 3)


def test_limit_of_one_serves_all_in_turn(serve, connect):
    running = []

    def handler(sock, address):
        running.append(sock)
        assert len(running) == 1
        sock.sendall(sock.recv(10))
        running.remove(sock)

    server = serve(handler, limit=1)
    clients = [connect(server) for _ in range(20)]
    for client in clients:
        client.sendall(b"x")
    assert [client.recv(10) for client in clients] == [b"x"] * 20


def test_a_long_backlog_starves_no_handler(serve, wait_for):
    """Handlers run while the acceptor still has connections to take."""
    accepted_when_run = []
    server = serve(lambda sock, _: accepted_when_run.append(server.statistics().accepted))
    clients = []
    for _ in range(300):
        client = stdlib.create_connection(server.address)  # the hub does not run meanwhile
        clients.append(client)
    wait_for(lambda: len(accepted_when_run) == 300)
    assert accepted_when_run[0] < 300
    for client in clients:
        client.close()


RESETS = """
import os, weft
from weft.servers import StreamServer
from weft.socket import SO_LINGER, SOL_SOCKET, create_connection

def echo(sock, address):
    try:
        while data := sock.recv(100):
            sock.sendall(data)
    except ConnectionResetError:
        pass

def reset(count):
    for _ in range(count // 200):
        clients = [create_connection(server.address) for _ in range(200)]
        for client in clients:
            client.setsockopt(SOL_SOCKET, SO_LINGER, b"\\1\\0\\0\\0\\0\\0\\0\\0")
            client.close()
        expected.append(expected[-1] + 200)
        while server.statistics() != (0, expected[-1]):
            weft.checkpoint()

def resources():
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir("/proc/self/fd")), len(weft.tasks())

expected = [0]
server = StreamServer(echo, ("127.0.0.1", 0))
server.start()
reset(2_000)
memory, *others = resources()
reset(10_000)
memory_after, *others_after = resources()
assert others_after == others, (others, others_after)
assert memory_after - memory < 1_000_000, memory_after - memory
server.stop()
"""


def test_ten_thousand_resets_leave_nothing_behind(run_python):
    done = run_python("-c", RESETS)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_port_in_use_is_told_with_its_address(serve):
    server = serve(echo)
    with pytest.raises(OSError, match=str(server.address[1])) as failed:
        StreamServer(echo, server.address).start()
    assert failed.value.errno == errno.EADDRINUSE


def test_reuse_port_lets_two_servers_listen(serve):
    one = serve(echo, reuse_port=True)
    two = serve(echo, one.address, reuse_port=True)
    assert one.address == two.address


def test_ipv6(serve, connect):
    server = serve(lambda sock, address: sock.sendall(weft.current().name.encode()), ("::1", 0))
    client = connect(server)
    assert server.address[0] == "::1"
    assert client.recv(100).decode().endswith(f"[::1]:{client.getsockname()[1]}")


@pytest.mark.parametrize(
    ("handler", "address", "options", "error"),
    [
        ("not callable", LOOPBACK, {}, TypeError),
        (echo, 8080, {}, TypeError),
        (echo, ("127.0.0.1",), {}, TypeError),
        (echo, ("127.0.0.1", "http"), {}, TypeError),
        (echo, "127.0.0.1:8080", {}, ValueError),
        (echo, ("127.0.0.1", 70000), {}, OverflowError),
        (echo, LOOPBACK, {"limit": 0}, ValueError),
        (echo, ("203.0.113.1", 0), {}, OSError),
    ],
)
def test_wrong_arguments(handler, address, options, error):
    with pytest.raises(error):
        StreamServer(handler, address, **options).start()


def test_start_twice(serve):
    server = serve(echo)
    with pytest.raises(RuntimeError, match="serving already"):
        server.start()


# -- stopping --------------------------------------------------------------------------


def test_stop_refuses_new_connections_and_ends_the_old(serve, connect, wait_for):
    server = serve(echo)
    client = connect(server)
    wait_for(lambda: server.statistics().connections)
    server.stop()
    assert client.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        connect(server)


def test_stop_before_start_and_twice():
    server = StreamServer(echo, LOOPBACK)
    server.stop()
    server.start()
    server.stop()
    server.stop()


def test_a_stopped_server_can_be_started_again(serve, connect):
    server = serve(echo)
    server.stop()
    server.start()
    client = connect(server)
    client.sendall(b"again")
    assert client.recv(10) == b"again"


def test_drain_lets_a_handler_finish(serve, connect, wait_for):
    server = serve(echo)
    client = connect(server)
    wait_for(lambda: server.statistics().connections)
    stopping = weft.spawn(server.stop, drain=60)
    weft.checkpoint()
    client.sendall(b"last words")
    assert client.recv(100) == b"last words"
    assert not stopping.done
    client.close()
    stopping.result()


def test_drain_cancels_what_does_not_finish(serve, connect, wait_for):
    ends = []

    def handler(sock, address):
        try:
            sock.recv(1)
        except weft.Cancelled:
            ends.append("cancelled")
            raise

    server = serve(handler)
    client = connect(server)
    wait_for(lambda: server.statistics().connections)
    server.stop(drain=0.001)
    assert ends == ["cancelled"] and client.recv(1) == b""


def test_stop_waits_for_the_clean_up_of_handlers(serve, connect, wait_for):
    ends = []

    def handler(sock, address):
        try:
            sock.recv(1)
        finally:
            for _ in range(10):
                weft.checkpoint()
            ends.append("clean")

    server = serve(handler)
    connect(server)
    wait_for(lambda: server.statistics().connections)
    server.stop()
    assert ends == ["clean"]


def test_stop_closes_connections_whose_task_never_began(serve, connect):
    server = serve(echo)
    client = stdlib.create_connection(server.address)
    weft.checkpoint()  # accepted; its task is ready, and has not run
    weft.checkpoint()
    server.stop()
    with client:
        client.settimeout(60)
        assert client.recv(1) == b""
    assert server.statistics().connections == 0


def test_a_second_stop_cuts_the_first_ones_drain_short(serve, connect, wait_for):
    server = serve(echo)
    connect(server)
    wait_for(lambda: server.statistics().connections)
    patient = weft.spawn(server.stop, drain=None)
    weft.checkpoint()
    server.stop()
    patient.result()


def test_handler_may_stop_its_server(serve, connect):
    server = serve(lambda sock, _: (server.stop(), sock.sendall(b"stopped")))
    one = connect(server)
    assert one.recv(10) == b"stopped"


def test_stop_from_another_thread(serve, connect, wait_for):
    server = serve(echo)
    client = connect(server)
    wait_for(lambda: server.statistics().connections)
    thread = threading.Thread(target=server.stop)
    thread.start()
    assert client.recv(1) == b""
    wait_for(lambda: not thread.is_alive())


def test_serve_forever_returns_when_the_server_is_stopped(serve, connect, wait_for):
    server = StreamServer(echo, LOOPBACK)
    serving = weft.spawn(server.serve_forever)
    wait_for(lambda: server.address[1])
    client = connect(server)
    stopping = weft.spawn(server.stop, drain=60)
    wait_for(lambda: server._listener.sock.fileno() < 0)
    client.sendall(b"drained")
    assert client.recv(10) == b"drained" and not serving.done
    client.close()
    stopping.result()
    assert serving.result() is None


def test_cancelling_serve_tcp_stops_accepting_and_closes(connect, wait_for):
    addresses = []

    def handler(sock, address):
        addresses.append(sock.getsockname())
        sock.recv(1)

    with stdlib.create_server(LOOPBACK) as probe:
        port = probe.getsockname()[1]
    serving = weft.spawn(weft.serve_tcp, handler, ("127.0.0.1", port), limit=10, backlog=10)
    weft.checkpoint()
    client = create_connection(("127.0.0.1", port))
    wait_for(lambda: addresses)
    serving.cancel()
    with pytest.raises(weft.Cancelled):
        serving.result()
    assert client.recv(1) == b""
    client.close()
    with pytest.raises(ConnectionRefusedError):
        create_connection(("127.0.0.1", port))


INTERRUPTED = """
import os, signal, weft
from weft.servers import StreamServer

def handler(sock, address):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        sock.recv(1)
    finally:
        print("handler ended", flush=True)

def client():
    with weft.socket.create_connection(server.address) as sock:
        print("client read", sock.recv(1), flush=True)

server = StreamServer(handler, ("127.0.0.1", 0))
server.start()
reading = weft.spawn(client)
try:
    server.serve_forever()
except KeyboardInterrupt:
    reading.result()
    print(server.statistics(), flush=True)
    raise
"""


def test_ctrl_c_stops_and_goes_on(run_python):
    done = run_python("-c", INTERRUPTED)
    assert done.stdout.splitlines() == [
        "handler ended",
        "client read b''",
        "ServerStatistics(connections=0, accepted=1)",
    ]
    assert "KeyboardInterrupt" in done.stderr
    assert done.returncode == -signal.SIGINT
