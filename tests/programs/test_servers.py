"""Web servers have twenty clients inside at once, in one OS thread, and end at Ctrl-C as ever."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest

HERE = Path(__file__).parent
GUESTS = 20
# OS threads on weft: the program's, the one that watches for stalls, and, since http.server asks
# for the name of its host, one that looked it up.
FEW = 3
PATIENCE = 60
# Each is started with these words, and listens at the port that is put in.
SERVERS = {
    "flask": ["-m", "flask", "--app", "lobby_flask", "run", "--port", "{port}"],
    "django": ["lobby_django.py", "runserver", "--noreload", "{port}"],
    "http.server": ["lobby_stdlib.py", "{port}"],
    "waitress": ["-m", "waitress", "--threads=21", "--listen=127.0.0.1:{port}", "lobby_flask:app"],
    "aiohttp": ["lobby_aiohttp.py", "{port}"],
    "uvicorn": ["-m", "uvicorn", "--port={port}", "lobby_asgi:app"],
}
# These do not wait for clients that are still inside when they end.
ABRUPT = ("flask", "django", "http.server")
# Ports, process ids and times.
VARIES = re.compile(r"\b\d{4,}\b|\d+/\w+/\d+ [\d:]+|\w+ \d+, \d+ - [\d:]+")


class Server:
    """A server program that runs, and its clients."""

    def __init__(self, program: "subprocess.Popen[str]", port: int) -> None:
        self.program = program
        self.port = port

    def open(self) -> HTTPConnection:
        """A connection, once the server listens."""
        while True:
            connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
            try:
                connection.connect()
            except ConnectionRefusedError:
                assert self.program.poll() is None, self.program.communicate()
                time.sleep(0.01)
            else:
                return connection

    def get(self, path: str) -> str:
        """Fetch a page over a connection of its own."""
        connection = self.open()
        try:
            return ask(connection, path)
        except ConnectionResetError:
            return "shown the door"
        finally:
            connection.close()

    def wait_for_guests(self, number: int) -> None:
        """Return when so many are in the lobby."""
        while self.get("/waiting") != str(number):
            assert self.program.poll() is None, self.program.communicate()

    def interrupt(self) -> tuple[int, set[str]]:
        """Press Ctrl-C; return the exit status, and the lines of the output less what varies."""
        self.program.send_signal(signal.SIGINT)
        output = self.program.communicate(timeout=PATIENCE)
        return self.program.returncode, set(VARIES.sub("*", "".join(output)).splitlines())


def ask(connection: HTTPConnection, path: str) -> str:
    """Fetch a page over ``connection``, and leave it open if the server does."""
    connection.request("GET", path)
    return connection.getresponse().read().decode()


@pytest.fixture
def serve(start, free_port) -> Callable[..., Server]:
    """Start a server program; ``{port}`` among its words becomes the port where it listens."""

    def begin(way: str, *words: str, **options) -> Server:
        port = free_port()
        words = [word.format(port=port) for word in words]
        return Server(start(way, *words, **options), port)

    return begin


@pytest.fixture
def free_port() -> Callable[[], int]:
    """A port of loopback's that nobody uses."""

    def find() -> int:
        with socket.create_server(("127.0.0.1", 0)) as bound:
            return bound.getsockname()[1]

    return find


@pytest.fixture
def crowd() -> Iterator[ThreadPoolExecutor]:
    """Threads of the test's for its clients."""
    with ThreadPoolExecutor(GUESTS) as pool:
        yield pool


@pytest.mark.parametrize("name", SERVERS)
def test_all_guests_are_inside_at_once(name, serve, crowd, os_threads) -> None:
    outcomes = {}
    # Both start at once, to save time.
    servers = {way: serve(way, *SERVERS[name]) for way in ("python", "weft")}
    for way, server in servers.items():
        idle = server.open()
        greetings = [ask(idle, "/hello"), ask(idle, "/hello?name=weaver")]
        kept_alive = idle.sock is not None
        guests = []
        while len(guests) < GUESTS - 1:
            guests.append(crowd.submit(server.get, "/meet"))
            # One by one, since some of them listen with a backlog of five.
            server.wait_for_guests(len(guests))
        threads = os_threads(server.program.pid)
        answers = [server.get("/meet"), *(guest.result() for guest in guests)]
        left = [crowd.submit(server.get, "/meet") for _ in range(3 if name in ABRUPT else 0)]
        server.wait_for_guests(len(left))
        status, output = server.interrupt()
        answers += [guest.result() for guest in left]
        idle.close()
        outcomes[way] = greetings, kept_alive, answers, status, output
    assert outcomes["weft"] == outcomes["python"]
    assert greetings == ["hello stranger", "hello weaver"]
    assert answers == ["met all"] * GUESTS + ["shown the door"] * len(left)
    assert threads <= FEW


@pytest.mark.parametrize("name", ["flask", "django"])
def test_async_views_have_event_loops_of_their_own(name, serve, crowd) -> None:
    """asgiref#443, gevent#982: of event loops in green threads, one was seen by all."""
    server = serve("weft", *SERVERS[name])
    guests = [crowd.submit(server.get, "/meet-async") for _ in range(GUESTS)]
    assert [guest.result() for guest in guests] == ["met all"] * GUESTS
    status, output = server.interrupt()
    assert status == 0
    assert not any("Traceback" in line for line in output)


def test_files_are_served_while_other_clients_are_slow(serve, os_threads, tmp_path: Path) -> None:
    """Twenty clients stop in the middle of a request, and one that does not gets its file."""
    (tmp_path / "page.txt").write_text("woven")
    command = ["-m", "http.server", "--bind", "127.0.0.1", "{port}"]
    server = serve("weft", *command, cwd=tmp_path)
    slow = []
    for _ in range(GUESTS):
        slow.append(server.open().sock)
        slow[-1].sendall(b"GET /page.txt HTTP/1.0\r\nAccept: ")
        assert server.get("/page.txt") == "woven"
    assert os_threads(server.program.pid) <= FEW
    for sock in slow:
        sock.sendall(b"*/*\r\n\r\n")
        with sock, sock.makefile("rb") as answer:
            assert answer.read().endswith(b"\r\n\r\nwoven")
    status, output = server.interrupt()
    assert status == 0
    assert "Keyboard interrupt received, exiting." in output


def children(pid: int) -> list[int]:
    """The processes that the main thread of ``pid`` has started."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_development_servers_start_anew_with_what_changed(serve, tmp_path: Path) -> None:
    flask_app, django_app = (
        Path(shutil.copy(HERE / f"lobby_{name}.py", tmp_path)) for name in ("flask", "django")
    )
    flask = ["-m", "flask", "--app", "lobby_flask", "run", "--debug", "--port", "{port}"]
    servers = {
        flask_app: serve("weft", *flask, process_group=0),
        django_app: serve("weft", str(django_app), "runserver", "{port}", process_group=0),
    }
    for app, server in servers.items():
        assert server.get("/hello") == "hello stranger"
        app.write_text(app.read_text().replace("stranger", "visitor"))
    for app, server in servers.items():
        while server.get("/hello") != "hello visitor":
            # Again and again: a reloader may not have looked at the file before the first change.
            app.touch()
            time.sleep(0.05)
        if app is flask_app:
            # It starts its whole command again, so the server is on weft as well.
            [child] = children(server.program.pid)
            assert b"weft" in Path(f"/proc/{child}/cmdline").read_bytes()
        # As from a keyboard, for the server and what watches over it.
        os.killpg(server.program.pid, signal.SIGINT)
        stdout, stderr = server.program.communicate(timeout=PATIENCE)
        assert server.program.returncode == 0, stderr
        assert "Traceback" not in stdout + stderr
