"""Real programs under ``weft run``, and what shows that they ran concurrently.

Nobody looks at the clock for that. A :class:`Meeting` holds back its guests until all are there:
a program that does one thing after the other never gets past it, and is told why.
"""

import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CERTS = HERE.parent / "certs"
WAYS = {"python": (), "weft": ("-m", "weft", "run")}
# OS threads that watch for stalls.
WATCHDOGS = {"python": 0, "weft": 1}
# Long enough for a program to start on a busy machine.
PATIENCE = 30

Start = Callable[..., "subprocess.Popen[str]"]
Finish = Callable[["subprocess.Popen[str]"], list[str]]


def os_threads(pid: int) -> int:
    """How many OS threads the process ``pid`` has now."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^Threads:\s+(\d+)$", status, re.MULTILINE)[1])


class Meeting:
    """Guests arrive by any thread of the test; none leaves before ``size`` of them have come.

    Attributes:
      threads: of each meeting, how many OS threads the program had while all its guests waited,
        beside the one that watches for stalls under ``weft run``.
    """

    def __init__(self, size: int = 20) -> None:
        self.size = size
        self.threads: list[int] = []
        self._program: tuple[int, int] | None = None
        self._known = threading.Event()
        self._barrier = threading.Barrier(size, self._look, timeout=PATIENCE)

    def watch(self, pid: int, way: str) -> None:
        """Say which process the guests come from, and in which way it was started."""
        self._program = pid, WATCHDOGS[way]
        self._known.set()

    def attend(self) -> str:
        """Wait for the others; say what came of it, for the guest to hear."""
        try:
            self._barrier.wait()
        except threading.BrokenBarrierError:
            return f"met fewer than {self.size} within {PATIENCE} s"
        return "met all"

    def _look(self) -> None:
        self._known.wait()
        pid, watchdogs = self._program
        self.threads.append(os_threads(pid) - watchdogs)


class Handler(BaseHTTPRequestHandler):
    """Pages: /meet, /moved to there, /flaky the first time, /never, /hello, and /links."""

    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_GET(self) -> None:
        name = self.path.strip("/").partition("/")[0]
        answer = getattr(self, f"get_{name}", lambda: (404, "no such page"))()
        if answer:
            self.answer(*answer)

    def answer(self, status: int, text: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content_length": str(len(text)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(text.encode())

    def get_hello(self) -> tuple[int, str]:
        return 200, "hello"

    def get_meet(self) -> tuple[int, str]:
        return 200, self.server.meeting.attend()

    def get_moved(self) -> None:
        self.answer(302, "", location="/hello")

    def get_flaky(self) -> tuple[int, str]:
        first = self.path not in self.server.seen
        self.server.seen.add(self.path)
        return (503, "come again") if first else (200, "at last")

    def get_links(self) -> tuple[int, str]:
        """/links/5: five for a meeting's guests, one back, one to nowhere, one to elsewhere."""
        pages = [f"/meet/{n}" for n in range(int(self.path.rpartition("/")[2]))]
        targets = [*pages, self.path, "../missing", "http://elsewhere.example/"]
        return 200, "start" + "".join(f'<a href="{target}">' for target in targets)

    def get_never(self) -> None:
        self.server.closing.wait(PATIENCE)
        self.close_connection = True

    def log_message(self, *words: object) -> None:
        pass


class Web(ThreadingHTTPServer):
    """A web server in threads of the test; the client program must not need more than it gives."""

    request_queue_size = 100
    daemon_threads = False

    def __init__(self, meeting: Meeting, context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.meeting = meeting
        self.context = context
        self.connections = 0
        self.seen: set[str] = set()
        self.closing = threading.Event()
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.server_port}"

    def get_request(self) -> tuple[socket.socket, object]:
        sock, address = super().get_request()
        if self.context:
            # The handshake comes with the first read, in the connection's own thread.
            sock = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return sock, address

    def stop(self) -> None:
        self.closing.set()
        self.shutdown()
        self.thread.join()
        self.server_close()


@pytest.fixture(name="os_threads")
def give_os_threads() -> Callable[[int], int]:
    """How many OS threads a process has now."""
    return os_threads


@pytest.fixture
def meet() -> type[Meeting]:
    """Make a :class:`Meeting` of so many."""
    return Meeting


@pytest.fixture
def web() -> Iterator[Callable[..., Web]]:
    """Start a web server, with or without TLS, where the guests of a meeting come together."""
    servers: list[Web] = []

    def start(meeting: Meeting | None = None, *, tls: bool = False) -> Web:
        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTS / "localhost.pem")
        servers.append(Web(meeting or Meeting(1), context))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a program in one of the two ways, its output as text; what is left of it is killed.

    A word that names a program of this directory becomes its path.
    """
    programs: list[subprocess.Popen[str]] = []
    # Clients heed variables that name a proxy or certificates; no other test's are wanted here.
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(HERE)}

    def begin(way: str, *words: str, **options) -> "subprocess.Popen[str]":
        paths = [str(HERE / word) if (HERE / word).is_file() else word for word in words]
        options = {"cwd": tmp_path, "env": environment, "stdout": subprocess.PIPE, **options}
        programs.append(
            subprocess.Popen(
                [sys.executable, *WAYS[way], *paths],
                stderr=subprocess.PIPE,
                text=True,
                **options,
            )
        )
        return programs[-1]

    yield begin
    for program in programs:
        with program:
            program.kill()


@pytest.fixture
def finish() -> Finish:
    """Wait for a program's end; return the lines it printed. It must have nothing to complain."""

    def wait(program: "subprocess.Popen[str]") -> list[str]:
        stdout, stderr = program.communicate(timeout=2 * PATIENCE)
        assert (program.returncode, stderr) == (0, ""), stdout + stderr
        return stdout.splitlines()

    return wait


@pytest.fixture
def both(start: Start, finish: Finish) -> Callable[..., tuple[list[str], list[int]]]:
    """Run a program in both ways at once, which must print the same.

    Args:
      words_for: given the :class:`Meeting` of a program's guests, the words that start it.
      size: of the meeting.

    Returns:
      The lines it printed, and for each meeting of the guests on weft how many OS threads it had.
    """

    def run(words_for: Callable[[Meeting], list[str]], size: int) -> tuple[list[str], list[int]]:
        meetings = {way: Meeting(size) for way in WAYS}
        programs = {way: start(way, *words_for(meeting)) for way, meeting in meetings.items()}
        for way, meeting in meetings.items():
            meeting.watch(programs[way].pid, way)
        python, weft = (finish(program) for program in programs.values())
        assert weft == python
        return weft, meetings["weft"].threads

    return run
