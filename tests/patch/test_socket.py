"""Programs that know nothing of weft, after ``weft.patch.socket()`` and its like."""

from collections.abc import Callable
from pathlib import Path

import pytest

CERTS = Path(__file__).parents[1] / "certs"
PATCH = """
import weft
import weft.patch
"""


@pytest.fixture
def run(run_python, tmp_path) -> Callable[[str], str]:
    """Run a program in a process of its own; what it prints. It must print nothing else."""

    def run(text: str) -> str:
        program = tmp_path / "program.py"
        program.write_text(PATCH + text)
        done = run_python("-W", "error", str(program))
        assert done.stderr == ""
        assert done.returncode == 0
        return done.stdout.strip()

    return run


def test_marks_for_drivers(run) -> None:
    assert (
        run("""
weft.patch.socket()
import socket
print(socket.socket.__module__, weft.patch.is_patched("socket"))
""")
        == "weft.socket True"
    )


def test_the_original_stays_within_reach(run) -> None:
    assert run("""
import socket
before = {"socket": socket.socket}
weft.patch.socket()
first = before["socket"]
original = weft.patch.original("socket")
print(original.socket is first, socket.socket is first)
with original.create_server(("127.0.0.1", 0)) as server:
    with original.create_connection(server.getsockname()) as sock:
        print(type(sock) is first, original.getaddrinfo is not socket.getaddrinfo)
""").split() == ["True", "False", "True", "True"]


def test_functions_of_the_module_make_green_sockets(run) -> None:
    assert (
        run("""
weft.patch.socket()
import socket
made = [*socket.socketpair(), socket.create_server(("127.0.0.1", 0))]
made.append(socket.create_connection(made[-1].getsockname()))
made.append(made[2].accept()[0])
made.append(made[0].dup())
made.append(socket.fromfd(made[0].fileno(), made[0].family, made[0].type))
print({type(sock).__module__ for sock in made})
for sock in made:
    sock.close()
""")
        == "{'weft.socket'}"
    )


def test_what_was_taken_before_the_patch_is_repaired(run) -> None:
    assert (
        run("""
import ssl
import sys
from socket import create_connection, getaddrinfo, gethostbyname, socket, socketpair
weft.patch.socket()
import socket as module
print(socket is ssl.socket is module.socket, getaddrinfo is module.getaddrinfo,
      gethostbyname is module.gethostbyname)
one, other = socketpair()
reader = weft.spawn(other.recv, 1)
weft.checkpoint()
one.send(b"x")
print(reader.result(20))
one.close(), other.close()
""")
        == "True True True\nb'x'"
    )


def test_a_mocked_class_is_honoured(run) -> None:
    assert (
        run("""
weft.patch.socket()
import socket
from unittest import mock
with mock.patch("socket.socket") as Mocked:
    socket.create_connection(("127.0.0.1", 1))
print(Mocked.return_value.connect.called)
""")
        == "True"
    )


def test_the_default_timeout_is_shared(run) -> None:
    assert (
        run("""
import socket
socket.setdefaulttimeout(3)
weft.patch.socket()
with socket.socket() as sock:
    print(sock.gettimeout())
socket.setdefaulttimeout(None)
with socket.socket() as sock:
    print(sock.gettimeout())
""")
        == "3.0\nNone"
    )


WEB = """
import http.client
import socketserver
import urllib.request
from http.server import BaseHTTPRequestHandler

here = there = most = 0

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        global there, most
        there += 1
        most = max(most, there)
        # Nobody is answered before all have asked: one after another would never end.
        while most < 20:
            weft.checkpoint()
        there -= 1
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass

class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    request_queue_size = 100
"""


def test_urllib_and_socketserver_run_concurrently(run) -> None:
    assert (
        run(
            """
weft.patch.all()
import threading
"""
            + WEB
            + """
def fetch(number):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{number}", timeout=30) as page:
        return page.read()

with Server(("127.0.0.1", 0), Handler) as server:
    port = server.server_address[1]
    loop = threading.Thread(target=server.serve_forever)
    loop.start()
    pages = []
    threads = [threading.Thread(target=lambda n=n: pages.append(fetch(n))) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sorted(pages) == sorted(b"/%d" % n for n in range(20)), most)
    server.shutdown()
    loop.join()
"""
        )
        == "True 20"
    )


def test_a_connection_kept_alive(run) -> None:
    assert (
        run(
            """
weft.patch.all()
"""
            + WEB
            + """
most = 20
with Server(("127.0.0.1", 0), Handler) as server:
    loop = weft.spawn(server.serve_forever)
    connection = http.client.HTTPConnection(*server.server_address, timeout=20)
    for number in range(5):
        connection.request("GET", f"/{number}")
        print(connection.getresponse().read().decode(), end=" ")
    connection.close()
    server.shutdown()
    loop.join()
"""
        )
        == "/0 /1 /2 /3 /4"
    )


def test_tls_still_works_when_only_sockets_are_patched(run) -> None:
    assert (
        run(f"""
weft.patch.socket()
import socket
import ssl
import threading

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain({str(CERTS / "localhost.pem")!r})
trusting = ssl.create_default_context(cafile={str(CERTS / "ca.pem")!r})

def serve(listener):
    with context.wrap_socket(listener.accept()[0], server_side=True) as sock:
        sock.sendall(sock.recv(100).upper())

with socket.create_server(("127.0.0.1", 0)) as listener:
    thread = threading.Thread(target=serve, args=(listener,))
    thread.start()
    plain = socket.create_connection(listener.getsockname())
    with trusting.wrap_socket(plain, server_hostname="localhost") as sock:
        sock.sendall(b"hello")
        print(sock.recv(100))
    thread.join()
""")
        == "b'HELLO'"
    )


def test_asyncio_runs_beside_tasks(run) -> None:
    assert (
        run("""
weft.patch.select()
weft.patch.selectors()
weft.patch.socket()
import asyncio

async def shout(reader, writer):
    writer.write((await reader.readline()).upper())
    await writer.drain()
    writer.close()

async def main():
    server = await asyncio.start_server(shout, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello\\n")
        print(await reader.readline())
        writer.close()
        await writer.wait_closed()
        # Every pass of asyncio's loop that waits lets tasks run.
        await asyncio.sleep(0.01)
        while ticks < 10:
            await asyncio.sleep(0)

ticks = 0
def tick():
    global ticks
    while True:
        ticks += 1
        weft.checkpoint()

ticker = weft.spawn(tick)
asyncio.run(main())
ticker.cancel()
print(ticks >= 10)
""")
        == "b'HELLO\\n'\nTrue"
    )


def test_sockets_and_pipes_of_multiprocessing(run) -> None:
    for before, after in (("import multiprocessing.reduction", ""), ("", "")):
        assert (
            run(f"""
{before}
weft.patch.socket()
import multiprocessing
import socket
from multiprocessing.reduction import ForkingPickler
{after}
one, other = socket.socketpair()
again = ForkingPickler.loads(ForkingPickler.dumps(other))
one.send(b"x")
print(type(again).__module__, again.recv(1))
for sock in (one, other, again):
    sock.close()
left, right = multiprocessing.Pipe()
left.send("through the pipe")
print(right.recv())
left.close(), right.close()
""")
            == "weft.socket b'x'\nthrough the pipe"
        )
