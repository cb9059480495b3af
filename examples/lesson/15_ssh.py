"""SSH: commands on several hosts, files, keys, a jump host
SSH：在多台主机上执行命令、传文件、密钥、跳板机

paramiko speaks SSH in Python, on blocking sockets and with a thread for each connection. Under
`weft run` that thread is a task, so a command on many hosts takes about as long as on one.

Who logs in shows a key, or a password; who answers shows a key as well, and is believed only if
that is known. SFTP carries files through the same connection. A jump host carries a whole other
connection, to a host that only it can reach: a channel of the first is the socket of the second.

Without `WEFT_SSH_URL` the hosts are those of `15_sshd`, in a process of its own.

paramiko 用 Python 实现 SSH：阻塞的套接字，每个连接一个线程。在 `weft run` 下这个线程就是一个任务，
所以在许多主机上执行一条命令，花的时间和在一台上差不多。

登录的一方出示密钥，或者口令；应答的一方也出示密钥，只有认识这个密钥才相信它。SFTP 在同一个连接里
传文件。跳板机转发另一整个连接，通往只有它才能到达的主机：第一个连接的通道，就是第二个连接的套接字。

没有设置 `WEFT_SSH_URL` 时，用的是 `15_sshd` 的主机，它在单独的进程里运行。

Run: weft run examples/lesson/15_ssh.py
Packages: paramiko
"""

import io
import json
import logging
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import paramiko
from paramiko.hostkeys import HostKeyEntry

import weft

# A connection that breaks is an error to whoever uses it: it need not be on stderr as well.
# 连接断了，用它的代码会得到异常：不必再写到标准错误输出。
logging.getLogger("paramiko").addHandler(logging.NullHandler())
NAMES = ["ann", "bo", "chen", "dora"]
VARIABLES = ["WEFT_SSH_URL", "WEFT_SSH_KEY", "WEFT_SSH_KNOWN_HOSTS"]


class Hosts(NamedTuple):
    """Where the hosts are by name, who may log in, and their own keys as in known_hosts."""

    addresses: dict
    user: str
    key: paramiko.PKey
    password: str
    known: list


def connect(hosts, name, sock=None, **login):
    client = paramiko.SSHClient()
    # Whoever answers with another key is not talked to.
    # 如果应答的一方出示别的密钥，就不和它说话。
    for entry in map(HostKeyEntry.from_line, hosts.known):
        client.get_host_keys().add(entry.hostnames[0], entry.key.get_name(), entry.key)
    ways = {"allow_agent": False, "look_for_keys": False, **(login or {"pkey": hosts.key})}
    client.connect(*hosts.addresses[name], hosts.user, sock=sock, timeout=10, **ways)
    return client


def run(client, command):
    _, stdout, _ = client.exec_command(command)
    return stdout.read().decode().strip(), stdout.channel.recv_exit_status()


def ask(hosts, name):
    with connect(hosts, name) as client:
        return run(client, f"sleep 0.5; echo I am {name}; exit {NAMES.index(name)}")


def commands(hosts):
    began = time.perf_counter()
    for name in NAMES:
        ask(hosts, name)
    slow = time.perf_counter() - began
    began = time.perf_counter()
    # What fails on one host does not stop the others: its error comes among the results.
    # 一台主机出错，不影响别的：错误和结果放在一起返回。
    results = list(weft.map(lambda name: ask(hosts, name), NAMES, errors="return"))
    fast = time.perf_counter() - began
    for text, status in results:
        print(f"{text}, exit status {status}")
    print(f"all at once {slow / fast:.1f} times as fast as one after another")


def passwords(hosts):
    for word, password in [("wrong", "let me in"), ("right", hosts.password)]:
        try:
            connect(hosts, "ann", password=password).close()
            print(f"the {word} password: let in")
        except paramiko.BadAuthenticationType as error:
            print(f"the {word} password: no login but by {', '.join(error.allowed_types)}")
        except paramiko.AuthenticationException:
            print(f"the {word} password: refused")


def copy_there_and_back(hosts, name):
    content, back = name.encode() * 50_000, io.BytesIO()
    path = f"/tmp/weft-lesson-{os.getpid()}-{name}"
    with connect(hosts, name) as client, client.open_sftp() as sftp:
        sftp.putfo(io.BytesIO(content), path)
        size = sftp.stat(path).st_size
        sftp.getfo(path, back)
        sftp.remove(path)
    return f"{name}: {size} bytes up, the same down: {back.getvalue() == content}"


def jump(hosts):
    with connect(hosts, "ann") as first:
        # The address is one that ann knows; we need not be able to reach it.
        # 这个地址是 ann 认识的；我们自己不必能到达。
        through = first.get_transport().open_channel(
            "direct-tcpip", hosts.addresses["dora"], ("127.0.0.1", 0)
        )
        with connect(hosts, "dora", sock=through) as second:
            print("dora, through ann:", *run(second, "echo hello"))
            first.close()
            second.get_transport().join(10)
            print("without ann still connected:", second.get_transport().is_active())


def main(hosts):
    print("-- a command on four hosts")
    commands(hosts)
    print("-- passwords")
    passwords(hosts)
    print("-- files")
    print(*weft.map(lambda name: copy_there_and_back(hosts, name), NAMES), sep="\n")
    print("-- a jump host")
    jump(hosts)


def real_hosts():
    """One server stands for all four: the one of `make services`."""
    url, key, known = (os.environ[variable] for variable in VARIABLES)
    url = urlsplit(url)
    print(f"the hosts: all four are the server at {url.hostname}:{url.port}")
    addresses = dict.fromkeys(NAMES, (url.hostname, url.port))
    known = Path(known).read_text().splitlines()
    return Hosts(addresses, url.username, paramiko.PKey.from_path(key), "unknown", known)


@contextmanager
def stand_ins():
    """Four servers of a program that is there as long as the block runs."""
    print("the hosts: four servers of 15_sshd")
    program = Path(__file__).with_name("15_sshd.py")
    command = [sys.executable, "-m", "weft", "run", str(program), "serve", *NAMES]
    pipe = subprocess.PIPE
    # In a session of its own: Ctrl-C is not for it, but for us.
    # 放在单独的会话里：Ctrl-C 不是给它的，是给我们的。
    options = {"stdin": pipe, "stdout": pipe, "start_new_session": True}
    with subprocess.Popen(command, **options) as process:
        try:
            said = json.loads(process.stdout.readline())
            addresses = {name: tuple(address) for name, address in said["addresses"].items()}
            key = paramiko.ECDSAKey.from_private_key(io.StringIO(said["key"]))
            yield Hosts(addresses, said["user"], key, said["password"], said["known"])
        finally:
            process.terminate()


if __name__ == "__main__":
    if os.environ.keys() >= set(VARIABLES):
        main(real_hosts())
    else:
        with stand_ins() as hosts:
            main(hosts)
