"""Servers and a crawler as textbooks write them, which know nothing of weft."""

import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

SERVERS = ["echo_select", "echo_selectors", "echo_blocking"]
CLIENTS = 20
# OS threads on weft: the program's, the one that watches for stalls, and one that looked up
# "localhost" where that is bound to.
FEW = 3
MESSAGE = bytes(range(256)) * 800
PATIENCE = 60
MET = [f"/meet/{n} 0 links: met all" for n in range(CLIENTS)]
START = f"/links/{CLIENTS}"
CRAWLED = sorted([*MET, f"{START} {CLIENTS + 3} links: start", "/missing error 404"])


class Crowd:
    """Clients of echo servers, connected all at once; each in a thread of the test's."""

    def __init__(
        self, pool: ThreadPoolExecutor, ports: list[int], look: Callable[[], None]
    ) -> None:
        self.barrier = threading.Barrier(CLIENTS * len(ports), look, timeout=PATIENCE)
        self.clients = [pool.submit(self.talk, port) for port in ports for _ in range(CLIENTS)]

    def talk(self, port: int) -> bool:
        """Whether all comes back that is sent, part by part and then at once."""
        with (
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock,
            sock.makefile("rb") as echo,
        ):
            sock.sendall(b"hello")
            heard = [echo.read(5)]
            self.barrier.wait()
            sock.sendall(MESSAGE)
            heard.append(echo.read(len(MESSAGE)))
            return heard == [b"hello", MESSAGE]

    def all_served(self) -> bool:
        return all(client.result() for client in self.clients)


@pytest.fixture
def crowd() -> Iterator[Callable[..., Crowd]]:
    """Send clients to these ports; ``look`` is called when all are connected."""
    with ThreadPoolExecutor(CLIENTS * len(SERVERS)) as pool:
        yield lambda ports, look=lambda: None: Crowd(pool, ports, look)


def port_of(program: "subprocess.Popen[str]") -> int:
    """Where it says that it listens."""
    said = program.stdout.readline()
    assert said.startswith("listening on "), program.communicate()
    return int(said.split()[-1])


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_serves_all_clients_at_once(name, start, finish, crowd, os_threads) -> None:
    threads: list[int] = []
    last_words = {}
    for way in ("python", "weft"):
        server = start(way, f"{name}.py", "0")
        port = port_of(server)
        clients = crowd([port], lambda pid=server.pid: threads.append(os_threads(pid)))
        assert clients.all_served()
        server.send_signal(signal.SIGINT)
        last_words[way] = finish(server)
    size = CLIENTS * (len(MESSAGE) + len(b"hello"))
    assert last_words["weft"] == last_words["python"] == [f"{CLIENTS} clients, {size} bytes"]
    assert threads[1] <= FEW


def test_the_crawler_fetches_all_pages_at_once(web, both) -> None:
    lines, threads = both(lambda meeting: ["crawl.py", web(meeting).url + START], CLIENTS)
    assert lines == CRAWLED
    assert threads == [1]


def test_all_of_them_in_one_process(web, meet, start, crowd, os_threads) -> None:
    """The crawler's pages come only after sixty clients were served; a clock goes on throughout."""
    meeting = meet(CLIENTS + 1)
    crawler = ["crawl", web(meeting).url + START]
    servers = [word for name in SERVERS for word in (name, "0", "--")]
    program = start("weft", "side_by_side.py", *servers, *crawler, stdin=subprocess.PIPE)
    meeting.watch(program.pid, "weft")
    ports = [port_of(program) for _ in SERVERS]
    threads: list[int] = []
    before = ticks(program)
    clients = crowd(ports, lambda: threads.append(os_threads(program.pid)))
    assert clients.all_served()
    while ticks(program) < before + 10:
        pass
    assert threads[0] <= FEW
    # The last guest, for whom the crawler's have waited all the time.
    assert meeting.attend() == "met all"
    assert [program.stdout.readline().rstrip() for _ in CRAWLED] == CRAWLED
    assert ticks(program) > before + 10
    stdout, stderr = program.communicate(timeout=PATIENCE)
    assert (stdout, stderr, program.returncode) == ("", "", 0)


def ticks(program: "subprocess.Popen[str]") -> int:
    """Ask the clock beside the programs."""
    program.stdin.write("\n")
    program.stdin.flush()
    word, number = program.stdout.readline().split()
    assert word == "ticks"
    return int(number)
