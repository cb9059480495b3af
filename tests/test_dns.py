"""Host names: numeric ones are answered at once, others in a thread, and nothing is cached."""

import socket as stdlib
import threading
from collections.abc import Iterator

import pytest

import weft
from weft import dns, socket

SECONDS = 20


class Resolver:
    """Stands for the C library's: knows ``weft.test`` and notes who asks in which thread."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.threads: set[int] = set()
        self.answer = "127.0.0.1"
        self.opened = threading.Event()
        self.opened.set()

    def getaddrinfo(self, host, port, family=0, kind=0, proto=0, flags=0):
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "not numeric")
        self.note(host)
        return [(family or socket.AF_INET, kind or socket.SOCK_STREAM, 6, "", (self.answer, port))]

    def note(self, host) -> None:
        self.asked.append(host)
        self.threads.add(threading.get_ident())
        assert self.opened.wait(SECONDS)
        if host != "weft.test":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    def gethostbyname(self, host):
        self.note(host)
        return self.answer


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    resolver = Resolver()
    monkeypatch.setattr(dns, "_getaddrinfo", resolver.getaddrinfo)
    monkeypatch.setattr(dns, "_gethostbyname", resolver.gethostbyname)
    yield resolver
    resolver.opened.set()


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(function, *arguments):
        pytest.fail(f"{function} was called in a thread")

    monkeypatch.setattr(dns._offload, "run", run)


@pytest.mark.usefixtures("no_threads")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "127.1", "0x7f.1", None, "fe80::1%lo"])
@pytest.mark.parametrize("port", [80, "80", None])
def test_numeric_addresses_are_answered_at_once(host, port) -> None:
    if host is port is None:
        port = 0
    assert socket.getaddrinfo(host, port) == stdlib.getaddrinfo(host, port)
    assert socket.getaddrinfo(host, port, type=socket.SOCK_STREAM) == stdlib.getaddrinfo(
        host, port, type=stdlib.SOCK_STREAM
    )


@pytest.mark.usefixtures("no_threads")
def test_other_numeric_questions_are_answered_at_once() -> None:
    assert socket.gethostbyname("127.0.0.1") == "127.0.0.1"
    assert socket.gethostbyname("") == "0.0.0.0"
    numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    assert socket.getnameinfo(("127.0.0.1", 80), numeric) == ("127.0.0.1", "80")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.connect(sock.getsockname())
        sock.sendto(b"x", sock.getsockname())


def test_a_name_is_asked_for_in_a_thread(resolver: Resolver) -> None:
    assert socket.getaddrinfo("weft.test", 80)[0][4] == ("127.0.0.1", 80)
    assert socket.gethostbyname("weft.test") == "127.0.0.1"
    assert threading.get_ident() not in resolver.threads


def test_other_tasks_run_meanwhile(resolver: Resolver) -> None:
    resolver.opened.clear()
    tasks = [weft.spawn(socket.getaddrinfo, "weft.test", port) for port in range(30)]
    weft.checkpoint()
    assert {task.wait_kind for task in tasks} == {"thread"}
    resolver.opened.set()
    assert [task.result(SECONDS)[0][4][1] for task in tasks] == list(range(30))


def test_a_hundred_slow_look_ups_hold_up_nobody(resolver: Resolver) -> None:
    """gevent#1904: ten threads asked, and all other names waited for the slowest ten."""
    resolver.opened.clear()
    slow = [weft.spawn(dns.getaddrinfo, "weft.test", 80) for _ in range(100)]
    while len(resolver.asked) < 100:
        weft.sleep(0.001)
    resolver.opened.set()
    assert {task.result()[0][4] for task in slow} == {("127.0.0.1", 80)}
    assert len(resolver.threads) == 100


def test_a_cancelled_look_up_leaves(resolver: Resolver) -> None:
    resolver.opened.clear()
    task = weft.spawn(socket.getaddrinfo, "weft.test", 80)
    weft.checkpoint()
    task.cancel()
    with pytest.raises(weft.Cancelled):
        task.result(SECONDS)


def test_nothing_is_cached(resolver: Resolver) -> None:
    for answer in ("127.0.0.1", "127.0.0.2"):
        resolver.answer = answer
        assert socket.getaddrinfo("weft.test", 80)[0][4][0] == answer
    for _ in range(2):
        with pytest.raises(socket.gaierror, match="not known"):
            socket.getaddrinfo("nowhere.test", 80)
    assert resolver.asked == ["weft.test"] * 2 + ["nowhere.test"] * 2


@pytest.mark.parametrize("name", ["weft.test", "1weft.test", "weft.test:1"])
def test_what_only_looks_numeric_is_a_name(resolver: Resolver, name: str) -> None:
    if name == "weft.test":
        assert socket.getaddrinfo(name, 80)
    else:
        with pytest.raises(socket.gaierror, match="not known"):
            socket.getaddrinfo(name, 80)
    assert resolver.asked == [name]


class TestSocketMethods:
    """The C code would look names up itself, and block."""

    @pytest.fixture
    def server(self) -> Iterator[socket.socket]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield server

    def test_connect(self, resolver: Resolver, server) -> None:
        address = "weft.test", server.getsockname()[1]
        with socket.socket() as one, socket.socket() as other:
            one.connect(address)
            assert other.connect_ex(address) == 0
        with socket.create_connection(address):
            pass
        assert resolver.asked == ["weft.test"] * 3
        assert threading.get_ident() not in resolver.threads

    def test_bind_and_sendto(self, resolver: Resolver) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("weft.test", 0))
            port = sock.getsockname()[1]
            sock.sendto(b"x", ("weft.test", port))
            sock.sendto(b"x", 0, ("weft.test", port))
            sock.sendmsg([b"x"], [], 0, ("weft.test", port))
            assert [sock.recv(1) for _ in range(3)] == [b"x"] * 3
        assert resolver.asked == ["weft.test"] * 4
        assert threading.get_ident() not in resolver.threads

    def test_an_unknown_name(self, resolver: Resolver) -> None:
        with socket.socket() as sock:
            for call in (sock.connect, sock.connect_ex, sock.bind):
                with pytest.raises(socket.gaierror):
                    call(("nowhere.test", 1))

    @pytest.mark.usefixtures("no_threads")
    @pytest.mark.parametrize(
        "address", ["text", (), ("127.0.0.1",), ("localhost", "80"), (1, 2), None, 5]
    )
    def test_a_wrong_address_gets_the_stdlibs_error(self, address) -> None:
        with socket.socket() as sock, stdlib.socket() as original:
            for name in ("connect", "connect_ex", "bind"):
                with pytest.raises((TypeError, OSError)) as theirs:
                    getattr(original, name)(address)
                with pytest.raises(theirs.type):
                    getattr(sock, name)(address)


def test_localhost_by_the_real_resolver() -> None:
    assert socket.getaddrinfo("localhost", 80) == stdlib.getaddrinfo("localhost", 80)
    assert socket.gethostbyname("localhost") == stdlib.gethostbyname("localhost")
    assert socket.gethostbyname_ex("localhost") == stdlib.gethostbyname_ex("localhost")
    assert socket.gethostbyaddr("127.0.0.1") == stdlib.gethostbyaddr("127.0.0.1")
    assert socket.getnameinfo(("127.0.0.1", 80), 0) == stdlib.getnameinfo(("127.0.0.1", 80), 0)
    assert socket.getfqdn("127.0.0.1") == stdlib.getfqdn("127.0.0.1")
    with socket.socket() as sock:
        sock.bind(("localhost", 0))


@pytest.mark.parametrize("arguments", [(1, 80), ("localhost", 1.5), ("localhost", 80, "x"), ()])
def test_wrong_types(arguments: tuple) -> None:
    with pytest.raises(Exception) as theirs:
        stdlib.getaddrinfo(*arguments)
    with pytest.raises(theirs.type):
        socket.getaddrinfo(*arguments)
