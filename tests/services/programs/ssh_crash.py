"""The server dies while commands and an upload are under way, and comes back.

ssh_crash.py folder: prints "at work" when they are, and goes on at a line of input when the server
is down, and at another when it is up again.
"""

import logging
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paramiko
from ssh_login import ask, connect

# Lost connections are logged as well as raised.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
folder = Path(sys.argv[1])
SIZE = 20
under_way = threading.Barrier(SIZE + 2)
ends: list[str] = []


def outcome(function, *arguments) -> str:
    """The error that a call ends with, without addresses."""
    try:
        return f"returned {function(*arguments)}"
    except (paramiko.SSHException, OSError, EOFError) as error:
        return f"{type(error).__name__}: {error}".partition(" to port")[0]


def command(client: paramiko.SSHClient, number: int) -> None:
    stdin, stdout, _ = client.exec_command(f"echo {number} >> {folder}/begun; echo up; cat")
    assert stdout.readline() == "up\n"
    under_way.wait()
    # It ends as if the command had, but for the exit status.
    ends.append(f"command: {stdout.read()!r} {stdout.channel.recv_exit_status()}")
    ends.append(f"input: {outcome(stdin.write, 'more')}")
    ends.append(f"another: {outcome(ask, client, 'true')}")


def upload(client: paramiko.SSHClient) -> None:
    with client.open_sftp() as sftp:
        file = sftp.open("/dev/null", "wb")
        under_way.wait()
        try:
            while True:
                file.write(bytes(32768))
        except (paramiko.SSHException, OSError):
            # The one where it waited for an answer, the other where it sent.
            ends.append("upload: lost")


with ThreadPoolExecutor(SIZE + 1) as pool:
    clients = list(pool.map(lambda _: connect(), range(SIZE + 1)))
threads = [threading.Thread(target=command, args=(clients[n], n)) for n in range(SIZE)]
threads.append(threading.Thread(target=upload, args=(clients[SIZE],)))
for thread in threads:
    thread.start()
under_way.wait()
print("at work", flush=True)

input()
for thread in threads:
    thread.join()
for end, times in sorted(Counter(ends).items()):
    print(times, end)
print({client.get_transport().is_active() for client in clients})
print(outcome(connect))
print("down", flush=True)

input()
print(sum(ask(connect(client), f"echo {n}")[1] == f"{n}\n" for n, client in enumerate(clients)))
print(sorted(map(int, (folder / "begun").read_text().split())) == list(range(SIZE)))
for client in clients:
    client.close()
