"""weft.ssl: TLS between tasks of one thread, and what the stdlib promises of it."""

import errno
import http.client
import ssl as stdlib
from pathlib import Path

import pytest

import weft
from weft import socket, ssl

CERTS = Path(__file__).parent / "certs"
BIG = b"weft" * 250_000  # more than the socket buffers hold


@pytest.fixture
def server_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTS / "localhost.pem")
    return context


@pytest.fixture
def client_context():
    return ssl.create_default_context(cafile=CERTS / "ca.pem")


@pytest.fixture
def raw_pair():
    """Two ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    with client, server:
        for end in client, server:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        yield client, server


@pytest.fixture
def pair(raw_pair, client_context, server_context):
    """The two ends of a TLS connection: client, server."""
    made = connected(raw_pair, client_context, server_context)
    yield made
    for end in made:
        end.close()


def connected(raw_pair, client_context, server_context, **options):
    client, server = raw_pair
    serving = weft.spawn(server_context.wrap_socket, server, server_side=True)
    tls = client_context.wrap_socket(client, server_hostname="localhost", **options)
    return tls, serving.result()


def receive(sock, size):
    data = bytearray()
    while len(data) < size:
        more = sock.recv(65536)
        assert more
        data += more
    return bytes(data)


def parked(task, kind):
    """Let other tasks run until ``task`` waits for ``kind``."""
    while task.wait_kind != kind:
        assert not task.done
        weft.checkpoint()


# -- names -------------------------------------------------------------------------------


def test_every_name_of_the_stdlib():
    assert [name for name in dir(stdlib) if not hasattr(ssl, name)] == []


def test_what_does_no_io_is_the_stdlibs_own():
    for name in ("SSLError", "MemoryBIO", "SSLObject", "Purpose", "TLSVersion", "OP_ALL"):
        assert getattr(ssl, name) is getattr(stdlib, name)


def test_contexts_make_green_sockets(client_context):
    made = [client_context, ssl._create_unverified_context(), ssl._create_stdlib_context()]
    assert all(type(context) is ssl.SSLContext for context in made)
    assert isinstance(client_context, stdlib.SSLContext)
    assert issubclass(ssl.SSLSocket, stdlib.SSLSocket)
    assert issubclass(ssl.SSLSocket, socket.socket)


def test_the_stdlib_is_untouched():
    assert stdlib.SSLContext.sslsocket_class is stdlib.SSLSocket
    assert stdlib.SSLSocket is not ssl.SSLSocket


def test_context_attributes_can_be_set(client_context):
    client_context.options |= ssl.OP_NO_TICKET
    client_context.minimum_version = ssl.TLSVersion.TLSv1_2
    client_context.verify_flags = ssl.VERIFY_DEFAULT
    client_context.check_hostname = False
    client_context.verify_mode = ssl.CERT_NONE
    assert client_context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_sslsocket_has_no_public_constructor(raw_pair):
    with pytest.raises(TypeError, match="public constructor"):
        ssl.SSLSocket(raw_pair[0])


# -- data ---------------------------------------------------------------------------------


def test_small_talk(pair):
    client, server = pair
    client.sendall(b"question")
    assert server.recv(100) == b"question"
    server.sendall(b"answer")
    assert client.recv(100) == b"answer"
    assert client.version() == "TLSv1.3"
    assert client.getpeercert()["subject"] == ((("commonName", "localhost"),),)


def test_one_task_reads_while_another_writes(pair):
    client, server = pair
    tasks = [
        weft.spawn(client.sendall, BIG),
        weft.spawn(server.sendall, BIG),
        weft.spawn(receive, client, len(BIG)),
        weft.spawn(receive, server, len(BIG)),
    ]
    assert tasks[2].result() == BIG and tasks[3].result() == BIG
    weft.joinall(tasks)


def test_writes_of_several_tasks_do_not_mix(pair):
    """OpenSSL ends the connection when another write comes while one is half done."""
    client, server = pair
    messages = [bytes([97 + n]) * (300_000 - 40_000 * n) for n in range(8)]
    writers = [weft.spawn(client.write, message) for message in messages]
    parked(writers[0], "write")
    data = receive(server, sum(map(len, messages)))
    assert [writer.result() for writer in writers] == [len(message) for message in messages]
    assert data == b"".join(messages)


def test_a_write_may_be_cancelled_while_it_awaits_its_turn(pair):
    client, server = pair
    first = weft.spawn(client.write, BIG)
    parked(first, "write")
    second = weft.spawn(client.write, b"never sent")
    parked(second, "lock")
    second.cancel()
    assert second.join() and isinstance(second.exception, weft.Cancelled)
    assert receive(server, len(BIG)) == BIG
    assert first.result() == len(BIG)
    client.sendall(b"next")
    assert server.recv(10) == b"next"


def test_a_write_times_out_while_it_awaits_its_turn(pair):
    client, server = pair
    first = weft.spawn(client.write, BIG)
    parked(first, "write")
    client.settimeout(0.01)
    with pytest.raises(TimeoutError, match="write operation timed out"):
        client.write(b"never sent")
    client.setblocking(False)
    with pytest.raises(ssl.SSLWantWriteError):
        client.write(b"never sent")
    client.settimeout(None)
    assert receive(server, len(BIG)) == BIG


def test_read_into_a_buffer(pair):
    client, server = pair
    client.sendall(b"0123456789")
    buffer = bytearray(6)
    assert server.recv_into(buffer) == 6 and buffer == b"012345"
    assert server.pending() == 4
    assert server.read(4, buffer) == 4 and buffer == b"678945"


def test_makefile(pair):
    client, server = pair
    with client.makefile("w", newline="\n") as out, server.makefile("r") as lines:
        reader = weft.spawn(lines.readline)
        parked(reader, "read")
        print("one line", file=out, flush=True)
        assert reader.result() == "one line\n"


def test_sendfile(pair, tmp_path):
    client, server = pair
    Path(tmp_path, "data").write_bytes(BIG)
    reader = weft.spawn(receive, server, len(BIG))
    with open(tmp_path / "data", "rb") as file:
        assert client.sendfile(file) == len(BIG)
    assert reader.result() == BIG


def test_end_of_stream(pair):
    client, server = pair
    server.sendall(b"x")
    assert client.recv(1) == b"x"  # and the session tickets: closing with unread data is a reset
    reader = weft.spawn(server.recv, 10)
    parked(reader, "read")
    client.close()
    assert reader.result() == b""


def test_ragged_end_is_an_error_when_not_suppressed(raw_pair, client_context, server_context):
    client, server = connected(raw_pair, client_context, server_context, suppress_ragged_eofs=False)
    with client, server:
        server.close()
        with pytest.raises(ssl.SSLEOFError):
            client.recv(10)


def test_unwrap_goes_on_in_the_clear(pair):
    client, server = pair
    unwrapping = weft.spawn(server.unwrap)
    parked(unwrapping, "read")
    plain = client.unwrap()
    back = unwrapping.result()
    plain.sendall(b"clear")
    assert back.recv(10) == b"clear"
    reader = weft.spawn(plain.recv, 10)
    parked(reader, "read")
    back.sendall(b"text")
    assert reader.result() == b"text"


def test_listening_tls_socket(client_context, server_context):
    with server_context.wrap_socket(
        socket.create_server(("127.0.0.1", 0)), server_side=True
    ) as listener:
        accepting = weft.spawn(listener.accept)
        parked(accepting, "read")
        sock = client_context.wrap_socket(socket.socket(), server_hostname="localhost")
        with sock as client:
            client.connect(listener.getsockname())
            server, address = accepting.result()
            with server:
                assert address == client.getsockname()
                assert type(server) is ssl.SSLSocket
                server.sendall(b"hi")
                assert client.recv(2) == b"hi"


def test_a_chatty_connection_starves_nobody(pair):
    client, server = pair
    turns = []

    def chat():
        for _ in range(500):
            client.sendall(b"x")
            server.recv(1)

    def other():
        while not chatting.done:
            turns.append(1)
            weft.checkpoint()

    chatting = weft.spawn(chat)
    weft.spawn(other).result()
    assert len(turns) > 5


# -- timeouts and non-blocking ---------------------------------------------------------------


def test_read_times_out(pair):
    client, _ = pair
    client.settimeout(0.01)
    with pytest.raises(TimeoutError, match="The read operation timed out"):
        client.recv(1)


def test_timeout_counts_the_whole_operation(raw_pair, client_context, server_context):
    """A peer that sends a record a byte at a time does not keep the read alive."""
    client, server = connected(raw_pair, client_context, server_context)
    server.settimeout(0.05)
    reader = weft.spawn(server.recv, 1)
    fd = client.detach()
    with server, socket.socket(fileno=fd) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.sendall(b"\x17\x03\x03\x40\x00")  # the head of a record of 16 KiB
        sent = 0
        while not reader.done:
            sent += raw.send(b"x") if sent < 0x3FFF else 0
            weft.checkpoint()
    with pytest.raises(TimeoutError):
        reader.result()


def test_write_times_out(pair):
    client, _ = pair
    client.settimeout(0.01)
    with pytest.raises(TimeoutError, match="The write operation timed out"):
        client.sendall(BIG)


def test_handshake_times_out(raw_pair, client_context):
    client, _ = raw_pair
    client.settimeout(0.01)
    with pytest.raises(TimeoutError, match="handshake operation timed out"):
        client_context.wrap_socket(client, server_hostname="localhost")


def test_unwrap_times_out(pair):
    client, _ = pair
    client.settimeout(0.01)
    with pytest.raises(TimeoutError, match="timed out"):
        client.unwrap()


def test_timeout_survives_wrapping(raw_pair, client_context, server_context):
    for end in raw_pair:
        end.settimeout(60)
    client, server = connected(raw_pair, client_context, server_context)
    with client, server:
        assert client.gettimeout() == server.gettimeout() == 60


def test_nonblocking(raw_pair, client_context, server_context):
    client, server = raw_pair
    client.setblocking(False)
    server.setblocking(False)
    options = {"do_handshake_on_connect": False}
    client = client_context.wrap_socket(client, server_hostname="localhost", **options)
    server = server_context.wrap_socket(server, server_side=True, **options)
    with client, server:
        with pytest.raises(ssl.SSLWantReadError):
            server.do_handshake()
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        serving = weft.spawn(server.do_handshake, block=True)
        client.do_handshake(block=True)
        serving.result()
        assert client.gettimeout() == server.gettimeout() == 0
        with pytest.raises(ssl.SSLWantReadError):
            server.recv(1)
        with pytest.raises(ssl.SSLWantWriteError):
            while True:
                client.send(BIG)


def test_handshake_on_connect_refuses_a_nonblocking_socket(raw_pair, client_context):
    client, _ = raw_pair
    client.setblocking(False)
    with pytest.raises(ValueError, match="non-blocking"):
        client_context.wrap_socket(client, server_hostname="localhost")


# -- closing and cancelling --------------------------------------------------------------------


def test_close_while_another_task_reads(pair):
    client, _ = pair
    reader = weft.spawn(client.recv, 1)
    parked(reader, "read")
    client.close()
    with pytest.raises(OSError) as failed:
        reader.result()
    assert failed.value.errno == errno.EBADF
    with pytest.raises((OSError, ValueError)):
        client.recv(1)


def test_close_while_other_tasks_write(pair):
    client, _ = pair
    writers = [weft.spawn(client.write, BIG) for _ in range(2)]
    parked(writers[0], "write")
    client.close()
    with pytest.raises(OSError) as failed:
        writers[0].result()
    assert failed.value.errno == errno.EBADF
    with pytest.raises(ValueError, match="closed or unwrapped"):
        writers[1].result()


def test_close_during_the_handshake(raw_pair, client_context):
    client, _ = raw_pair
    tls = client_context.wrap_socket(
        client, server_hostname="localhost", do_handshake_on_connect=False
    )
    shaking = weft.spawn(tls.do_handshake)
    parked(shaking, "read")
    tls.close()
    with pytest.raises(OSError):
        shaking.result()


def test_a_cancelled_read_leaves_the_connection_usable(pair):
    client, server = pair
    reader = weft.spawn(client.recv, 10)
    parked(reader, "read")
    reader.cancel()
    reader.join()
    assert isinstance(reader.exception, weft.Cancelled)
    server.sendall(b"later")
    assert client.recv(10) == b"later"


# -- the stdlib's features -------------------------------------------------------------------


def test_sni_callback_may_park(raw_pair, client_context, server_context):
    other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    other.load_cert_chain(CERTS / "other.example.pem")
    names = []

    def choose(sock, name, context):
        assert isinstance(sock, ssl.SSLSocket) and context is server_context
        for _ in range(3):
            weft.checkpoint()
        names.append(name)
        sock.context = other

    server_context.sni_callback = choose
    client, server = raw_pair
    serving = weft.spawn(server_context.wrap_socket, server, server_side=True)
    with (
        client_context.wrap_socket(client, server_hostname="other.example") as tls,
        serving.result(),
    ):
        assert names == ["other.example"]
        assert tls.getpeercert()["subject"] == ((("commonName", "other.example"),),)


def test_wrong_host_name_is_refused(raw_pair, client_context, server_context):
    client, server = raw_pair
    serving = weft.spawn(server_context.wrap_socket, server, server_side=True)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"other\.example"):
        client_context.wrap_socket(client, server_hostname="other.example")
    with pytest.raises(ssl.SSLError):
        serving.result()


def test_session_is_reused(client_context, server_context):
    client_context.maximum_version = ssl.TLSVersion.TLSv1_2
    session = None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for reused in (False, True):
            raw = socket.create_connection(listener.getsockname()), listener.accept()[0]
            client, server = connected(raw, client_context, server_context, session=session)
            with client, server:
                assert client.session_reused is reused
                session = client.session


def test_alpn_and_unique_binding(raw_pair, client_context, server_context):
    client_context.set_alpn_protocols(["h2", "http/1.1"])
    server_context.set_alpn_protocols(["http/1.1"])
    client, server = connected(raw_pair, client_context, server_context)
    with client, server:
        assert client.selected_alpn_protocol() == server.selected_alpn_protocol() == "http/1.1"


def test_memory_bio(client_context, server_context):
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname="localhost")
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with pytest.raises(ssl.SSLWantReadError):
        server.do_handshake()
    client.do_handshake()
    server.do_handshake()
    client.write(b"in memory")
    assert server.read() == b"in memory"


def test_get_server_certificate(server_context):
    def serve():
        with listener.accept()[0] as sock:
            server_context.wrap_socket(sock, server_side=True).close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = weft.spawn(serve)
        pem = ssl.get_server_certificate(listener.getsockname())
        serving.result()
    assert pem.strip() in (CERTS / "localhost.pem").read_text()


def test_get_server_certificate_times_out():
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(TimeoutError):
        ssl.get_server_certificate(listener.getsockname(), timeout=0.01)


def test_post_handshake_authentication(raw_pair, client_context, server_context):
    client_context.post_handshake_auth = True
    client_context.load_cert_chain(CERTS / "localhost.pem")
    server_context.post_handshake_auth = True
    server_context.load_verify_locations(CERTS / "ca.pem")
    server_context.verify_mode = ssl.CERT_REQUIRED
    server_context.verify_flags = ssl.VERIFY_DEFAULT
    client, server = connected(raw_pair, client_context, server_context)
    with client, server:
        assert server.getpeercert() is None
        server.verify_client_post_handshake()
        server.write(b"who are you?")
        assert client.recv(100) == b"who are you?"
        client.write(b"me")
        with pytest.raises(ssl.SSLError, match="purpose"):  # a server's certificate
            server.recv(100)


# -- contexts and classes that know nothing of weft ---------------------------------------------


def test_stdlib_context_can_be_wrapped_green(raw_pair, client_context):
    context = stdlib.SSLContext(stdlib.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTS / "localhost.pem")
    client, server = raw_pair
    serving = weft.spawn(ssl.wrap_green, context, server, server_side=True)
    with client_context.wrap_socket(client, server_hostname="localhost"), serving.result() as made:
        assert type(made) is ssl.SSLSocket


def test_class_derived_from_the_stdlibs_is_made_green(raw_pair, client_context, server_context):
    class Counting(stdlib.SSLSocket):
        reads = 0

        def read(self, *args):
            self.reads += 1
            return super().read(*args)

    client, server = raw_pair
    client_context.sslsocket_class = Counting
    serving = weft.spawn(server_context.wrap_socket, server, server_side=True)
    wrapped = ssl.wrap_green(client_context, client, server_hostname="localhost")
    with wrapped as tls, serving.result() as other:
        assert isinstance(tls, Counting) and isinstance(tls, ssl.SSLSocket)
        reader = weft.spawn(tls.recv, 10)
        parked(reader, "read")
        other.sendall(b"counted")
        assert reader.result() == b"counted" and tls.reads == 1
    assert ssl.green_class(Counting) is type(tls)


def test_class_derived_from_wefts(raw_pair, client_context, server_context):
    class Mine(ssl.SSLSocket):
        pass

    client_context.sslsocket_class = Mine
    client, server = connected(raw_pair, client_context, server_context)
    with client, server:
        assert type(client) is Mine
        client.sendall(b"x")
        assert server.recv(1) == b"x"


def test_a_plain_blocking_socket_can_be_wrapped(raw_pair, client_context, server_context):
    """Also one that was made before weft came: it is taken over and made non-blocking."""
    import socket as stdlib_socket

    client, server = raw_pair
    plain = stdlib_socket.socket(fileno=client.detach())
    client, server = connected((plain, server), client_context, server_context)
    with client, server:
        reader = weft.spawn(client.recv, 10)
        parked(reader, "read")
        server.sendall(b"x")
        assert reader.result() == b"x"


def test_https_with_the_stdlibs_client(server_context, client_context):
    from weft.servers import StreamServer

    def handler(sock, address):
        with sock.makefile("rwb") as file:
            while file.readline().strip():
                continue
            file.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")

    server = StreamServer(handler, ("127.0.0.1", 0), ssl=server_context)
    server.start()
    sock = client_context.wrap_socket(
        socket.create_connection(server.address), server_hostname="localhost"
    )
    connection = http.client.HTTPSConnection("localhost", context=client_context)
    connection.sock = sock
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"hello"
    connection.close()
    server.stop()


# -- patched ------------------------------------------------------------------------------------

TOO_LATE = """
import ssl
from ssl import SSLContext, SSLSocket

class Mine(SSLSocket):
    pass

certs = {certs!r}
client_context = ssl.create_default_context(cafile=certs + "/ca.pem")
client_context.sslsocket_class = Mine
server_context = SSLContext(ssl.PROTOCOL_TLS_SERVER)
server_context.load_cert_chain(certs + "/localhost.pem")

import weft.patch
weft.patch.all()

import socket, threading
assert weft.patch.is_patched("ssl") and SSLSocket is ssl.SSLSocket is weft.ssl.SSLSocket
for context in client_context, SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.create_default_context():
    context.options |= ssl.OP_NO_TICKET
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_TRUSTED_FIRST
    context.verify_mode = ssl.CERT_REQUIRED

def serve():
    with server_context.wrap_socket(listener.accept()[0], server_side=True) as sock:
        assert type(sock) is weft.ssl.SSLSocket
        sock.sendall(sock.recv(100))

listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=serve).start()
raw = socket.create_connection(listener.getsockname())
with client_context.wrap_socket(raw, server_hostname="localhost") as sock:
    assert isinstance(sock, Mine) and isinstance(sock, weft.ssl.SSLSocket)
    sock.sendall(b"hello")
    assert sock.recv(100) == b"hello"
listener.close()
"""

HTTPS = """
import weft.patch
weft.patch.all()

import http.server, ssl, threading, urllib.request

certs = {certs!r}
arrived = threading.Barrier(5)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        arrived.wait()                      # passes once five requests are under way
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certs + "/localhost.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever).start()
trusting = ssl.create_default_context(cafile=certs + "/ca.pem")

def fetch(number):
    url = f"https://localhost:{{server.server_port}}/{{number}}"
    with urllib.request.urlopen(url, context=trusting) as answer:
        pages.append(answer.read())

pages = []
fetching = [threading.Thread(target=fetch, args=(n,)) for n in range(5)]
for thread in fetching:
    thread.start()
for thread in fetching:
    thread.join()
server.shutdown()
server.server_close()
assert sorted(pages) == [b"/0", b"/1", b"/2", b"/3", b"/4"], pages
"""


@pytest.mark.parametrize("program", [TOO_LATE, HTTPS], ids=["too_late", "https"])
def test_patched(run_python, program):
    """Contexts and classes made before the patch are green after it (gevent#1016, #1235, #1868)."""
    done = run_python("-W", "error", "-c", program.format(certs=str(CERTS)))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_python_built_without_ssl(run_python):
    program = "import sys; sys.modules['_ssl'] = None; import weft.patch; weft.patch.all()"
    done = run_python("-c", program)
    assert (done.returncode, done.stderr) == (0, "")
