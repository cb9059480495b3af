"""Fabric: commands and files on hosts and groups of hosts, and invoke's commands on this machine.

fabric_hosts.py folder size command: the last one is for the hosts of a group to meet.
"""

import io
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import invoke
from fabric import Config, Connection, SerialGroup, ThreadingGroup
from fabric.exceptions import GroupException
from ssh_login import HOST, KEY, PORT, USER

FOLDER, SIZE, MEET = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
# Many names of one machine, and what stands for a name server.
NAMES = [f"host-{n}" for n in range(SIZE)]
CONFIG = Config(overrides={"user": USER, "port": PORT, "connect_kwargs": {"key_filename": KEY}})
look_up = socket.getaddrinfo
socket.getaddrinfo = lambda name, *words, **options: look_up(
    HOST if name in NAMES else name, *words, **options
)


def one_host() -> None:
    with Connection("host-0", config=CONFIG) as host:
        done = host.run("echo out; echo err >&2; exit 3", hide=True, warn=True)
        print(repr(done.stdout), repr(done.stderr), done.exited)
        print(host.run("test -t 1 && echo a terminal", hide=True, pty=True).stdout.strip())
        print(host.run("tr a-z A-Z", hide=True, in_stream=io.StringIO("shout\n")).stdout.strip())
        try:
            host.run("false", hide=True)
        except invoke.UnexpectedExit as error:
            print("exit", error.result.exited)
        try:
            host.run("cat", hide=True, timeout=0.5, in_stream=False)
        except invoke.CommandTimedOut as error:
            print("timed out", error.timeout)
        host.put(io.BytesIO(b"by fabric"), str(FOLDER / "put"))
        host.get(str(FOLDER / "put"), str(FOLDER / "got"))
        print((FOLDER / "got").read_text())


def groups() -> None:
    with SerialGroup(*NAMES[:3], config=CONFIG) as group:
        found = group.run("echo up", hide=True, in_stream=False)
        print(*[f"{host.host} {result.stdout.strip()}" for host, result in found.items()])
    with ThreadingGroup(*NAMES, config=CONFIG) as group:
        found = group.run(MEET, hide=True, in_stream=False)
        print({result.stdout.strip() for result in found.values()}, len(found))
        try:
            group.run("exit 4", hide=True, in_stream=False)
        except GroupException as error:
            print(len(error.result.failed), {e.result.exited for e in error.result.failed.values()})


def this_machine() -> None:
    """Local commands have three threads each, two that read and one that writes."""
    lobby = threading.Barrier(20, timeout=30)

    def run(number: int) -> bool:
        context = invoke.Context()
        pty = number % 2 == 0
        asks = f"read line; echo {number} $line $(test -t 0 && echo typed)"
        stdin = io.StringIO("hello\n")
        done = context.run(asks, hide=True, pty=pty, in_stream=stdin, echo_stdin=False)
        lobby.wait()
        last = done.stdout.splitlines()[-1]
        return last.split() == [str(number), "hello", "typed"][: 3 if pty else 2]

    with ThreadPoolExecutor(20) as pool:
        print(sum(pool.map(run, range(20))))


one_host()
groups()
this_machine()
