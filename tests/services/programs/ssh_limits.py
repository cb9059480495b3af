"""Time limits, paramiko's own and weft's, and cancelled tasks: what they leave behind."""

import hashlib
import logging
import random
import socket
import threading

import paramiko
from ssh_login import HOST, PORT, ask, connect, new_client

import weft

# Connections that fail are logged as well as raised, and so are late answers to who has gone.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


def outcome(function, *arguments, **options) -> str:
    """The error that a call ends with."""
    try:
        return f"returned {function(*arguments, **options)}"
    except (paramiko.SSHException, OSError, weft.Cancelled) as error:
        return f"{type(error).__name__}: {error}".partition(" (set at")[0]


def within(seconds: float, function, *arguments, **options) -> str:
    with weft.timeout(seconds):
        return function(*arguments, **options)


def fails_to_connect() -> None:
    """A host that does not answer at all, and one that accepts and says nothing."""
    # With the one connection that it has room for: packets of another one are dropped.
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    with full, socket.create_connection(full.getsockname()), new_client() as client:
        address = full.getsockname()
        print(outcome(client.connect, *address, timeout=0.2))
        print(outcome(within, 0.2, client.connect, *address))
    with socket.create_server(("127.0.0.1", 0)) as silent, new_client() as client:
        address = silent.getsockname()
        print(outcome(client.connect, *address, banner_timeout=0.2))
        print(outcome(within, 0.2, client.connect, *address))


def wait_for_ever(client: paramiko.SSHClient, **options) -> bytes:
    return client.exec_command("cat", get_pty=True, **options)[1].read()


def commands(client: paramiko.SSHClient) -> None:
    """Half the commands are cut short; the others, and all later ones, give their own answers."""
    print(outcome(wait_for_ever, client, timeout=0.2))
    print(outcome(within, 0.2, wait_for_ever, client))
    with weft.group() as group:
        waiting = [weft.spawn(wait_for_ever, client) for _ in range(20)]
        asking = [group.spawn(ask, client, f"echo {n}") for n in range(20)]
        asking[0].join()
        for task in waiting:
            task.cancel()
    print({outcome(task.result).partition(":")[0] for task in waiting})
    print([task.result()[1].strip() for task in asking] == [str(n) for n in range(20)])
    print(all(ask(client, f"echo {n}")[1] == f"{n}\n" for n in range(20)))


def upload(client: paramiko.SSHClient) -> None:
    """Write to a file for ever."""
    with client.open_sftp() as sftp, sftp.open("/dev/null", "wb") as file:
        file.set_pipelined(True)
        while True:
            file.write(bytes(32768))


def digest(client: paramiko.SSHClient, data: bytes, found: list[str]) -> None:
    stdin, stdout, _ = client.exec_command("sha256sum")
    stdin.write(data)
    stdin.channel.shutdown_write()
    found.append(stdout.read().decode().split()[0])


def files(client: paramiko.SSHClient) -> None:
    """Cut in the middle of its packets, an upload harms nobody else on the connection."""
    data = random.Random(6).randbytes(8 << 20)
    found: list[str] = []
    thread = threading.Thread(target=digest, args=(client, data, found))
    thread.start()
    print({outcome(within, 0.05, upload, client) for _ in range(20)})
    thread.join()
    print(found == [hashlib.sha256(data).hexdigest()])
    sftp = client.open_sftp()
    with sftp.open("/dev/zero", "rb") as file:
        print(outcome(within, 0.1, file.read))
    print(outcome(sftp.stat, "/dev/zero"))
    with client.open_sftp() as sftp:
        print(sftp.stat("/").st_mode > 0)


def by_jump_host(client: paramiko.SSHClient) -> None:
    """The same on connections that this one carries."""
    found = set()
    for _ in range(10):
        channel = client.get_transport().open_channel("direct-tcpip", (HOST, PORT), ("", 0))
        with connect(sock=channel) as beyond:
            found.add(outcome(within, 0.05, upload, beyond))
    print(found, ask(client, "echo jumped")[1].strip())


fails_to_connect()
with connect() as client:
    commands(client)
    files(client)
    by_jump_host(client)
    transport = client.get_transport()
    print(transport.is_active())
transport.join(10)
print(len(weft.tasks()))
