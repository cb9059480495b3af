"""dnspython asks a server of the test's own for many names at once, over UDP and TCP."""

import errno
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest


class Answers:
    """What the server says of a name; ``guest*`` only when all of a meeting have asked."""

    def __init__(self, meeting) -> None:
        self.meeting = meeting

    def __call__(self, wire: bytes, *, tcp: bool) -> bytes | None:
        query = dns.message.from_wire(wire)
        name = query.question[0].name
        kind = name.labels[0].decode().rstrip("0123456789")
        answer = dns.message.make_response(query)
        if kind == "silent":
            return None
        if kind == "missing":
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif kind == "big" and not tcp:
            answer.flags |= dns.flags.TC
        else:
            if kind == "guest":
                assert self.meeting.attend() == "met all"
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.7"))
        return answer.to_wire()


class Datagram(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        wire, sock = self.request
        answer = self.server.answers(wire, tcp=False)
        if answer:
            sock.sendto(answer, self.client_address)


class Stream(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        (size,) = struct.unpack("!H", self.rfile.read(2))
        answer = self.server.answers(self.rfile.read(size), tcp=True)
        self.wfile.write(struct.pack("!H", len(answer)) + answer)


def servers_on_one_port() -> tuple[socketserver.BaseServer, socketserver.BaseServer]:
    """A datagram and a stream server; a connection may have the port the first one was given."""
    while True:
        udp = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Datagram)
        try:
            return udp, socketserver.ThreadingTCPServer(udp.server_address, Stream)
        except OSError as error:
            udp.server_close()
            if error.errno != errno.EADDRINUSE:
                raise


@pytest.fixture
def name_server() -> Iterator[Callable[..., int]]:
    """Start a name server, where the guests of a meeting ask for ``guest*``; return its port."""
    running = []

    def begin(meeting) -> int:
        for server in servers_on_one_port():
            server.answers = Answers(meeting)
            thread = threading.Thread(target=server.serve_forever, args=[0.05])
            running.append((server, thread))
            thread.start()
        return running[-1][0].server_address[1]

    yield begin
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


def test_names_are_looked_up_together(name_server, both) -> None:
    guests = [f"guest{n}.example." for n in range(20)]
    others = ["big.example.", "missing.example.", "silent.example."]

    def words(meeting) -> list[str]:
        return ["lookup_names.py", "127.0.0.1", str(name_server(meeting)), *guests, *others]

    found, threads = both(words, 20)
    assert found == [f"{name} 192.0.2.7" for name in [*guests, "big.example."]] + [
        "missing.example. NXDOMAIN",
        "silent.example. LifetimeTimeout",
    ]
    assert threads == [1]
