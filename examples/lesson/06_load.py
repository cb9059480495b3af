"""Ten thousand clients at once
同时一万个客户端

Starts the echo server of this chapter in a process of its own, as it is, and connects 10,000
clients to it, each a task of this one. All are connected before the first of them sends anything;
then each sends a line and checks what comes back. At the end: how many errors, and how much memory
the server took for each connection.

Two limits of the system are in the way, and show up in any language: how many descriptors a process
may have, and how many ports one address has.

`weft lesson 06_load 2000` does it with fewer.

在单独的进程里启动本章的回声服务器，原样不动，让一万个客户端连接它，每个客户端一个任务。
所有客户端都连上以后才开始发送；然后每个发送一行，检查收到的回答。最后：有多少错误，
服务器为每个连接用了多少内存。

系统有两个限制会挡路，用什么语言都一样：一个进程最多能有多少描述符，一个地址最多有多少端口。

`weft lesson 06_load 2000` 用少一些的客户端。

Run: weft run examples/lesson/06_load.py
"""

import re
import resource
import socket
import subprocess
import sys
from pathlib import Path

import weft

CLIENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
SERVER = Path(__file__).with_name("06_echo.py")


def raise_limit(wanted):
    """Allow this process, and those it starts, as many descriptors as that."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        sys.exit(f"{wanted} descriptors are needed, {hard} allowed: try {hard - 100} clients")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def memory(pid):
    """The bytes that a process has in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


def connect(port, number):
    # One address has some 28,000 ports, shared by all that goes on: each 127.0.0.x has as many.
    # 一个地址大约有 28000 个端口，由所有连接共用：每个 127.0.0.x 都有这么多。
    source = (f"127.0.0.{2 + number % 50}", 0)
    return socket.create_connection(("127.0.0.1", port), timeout=60, source_address=source)


def ask(connection, number):
    """Send a line; whether the same comes back."""
    line = f"client {number}\n".encode()
    with connection:
        try:
            connection.sendall(line)
            return connection.recv(100) == line
        except OSError:
            return False


def load(port, pid):
    before, start = memory(pid), weft.now()
    # In one go, but no more than 500 that wait to be accepted.
    # 一次全部连上，但同时等待 accept 的不超过 500 个。
    numbers = range(CLIENTS)
    clients = list(weft.map(lambda number: connect(port, number), numbers, limit=500))
    each = (memory(pid) - before) / CLIENTS
    print(f"clients connected at once: {len(clients)} after {weft.now() - start:.1f} s")

    # Ten thousand tasks; each waits for its own answer.
    # 一万个任务，各自等待自己的回答。
    tasks = [weft.spawn(ask, *client) for client in zip(clients, numbers, strict=True)]
    right = sum(task.result() for task in tasks)
    print(f"right answers: {right}, errors: {CLIENTS - right}, after {weft.now() - start:.1f} s")
    print(f"memory of the server: {each / 1024:.0f} KiB a connection")


if __name__ == "__main__":
    raise_limit(CLIENTS + 100)
    words = [sys.executable, "-m", "weft", "run", SERVER, "serve", "0"]
    # In a process group of its own: a Ctrl-C is for this process, which then ends it.
    # 放在自己的进程组里：Ctrl-C 只发给本进程，再由本进程结束它。
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdout=pipe, text=True, process_group=0) as server:
        try:
            load(int(re.search(r":(\d+);", server.stdout.readline())[1]), server.pid)
        finally:
            server.terminate()
