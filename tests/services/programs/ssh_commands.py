"""Commands and a shell on one connection: output, input, errors, exit status, many side by side."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko
from ssh_login import ask, connect


def read_both(client: paramiko.SSHClient, command: str) -> list[str]:
    """Digests of stdout and stderr, each of which is more than the channel has room for."""
    _, stdout, stderr = client.exec_command(command)
    with ThreadPoolExecutor(2) as pool:
        texts = pool.map(lambda file: file.read(), [stdout, stderr])
        return [hashlib.sha256(text).hexdigest()[:8] for text in texts]


def use_shell(client: paramiko.SSHClient) -> str:
    """What a terminal shows of two commands."""
    channel = client.invoke_shell(width=101, height=31)
    channel.sendall(b"stty size\necho $((6 * 7))\nexit 5\n")
    shown = b"".join(iter(lambda: channel.recv(1000), b""))
    lines = shown.decode().splitlines()
    return f"{'31 101' in lines} {'42' in lines} {channel.recv_exit_status()}"


def number(client: paramiko.SSHClient, found: list[str], index: int) -> None:
    found[index] = ask(client, f"echo {index}")[1].strip()


with connect() as client:
    print(*ask(client, "echo out; echo err >&2; exit 7"))
    print(*ask(client, "tr a-z A-Z", "shout\n"))
    print(*ask(client, "kill -TERM $$"))
    print(*read_both(client, "seq 600000; seq 500000 >&2"))
    print(use_shell(client))

    found = [""] * 30
    threads = [threading.Thread(target=number, args=(client, found, n)) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(found == [str(n) for n in range(30)])
    transport = client.get_transport()
print(transport.is_active(), transport.is_alive(), client.get_transport())
