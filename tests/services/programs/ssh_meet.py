"""Two hundred threads, each with a connection of its own, whose commands meet.

ssh_meet.py size command: prints what the commands say, and then figures.
"""

import re
import sys
import threading
import time
from pathlib import Path

from ssh_login import ask, connect

size, command = int(sys.argv[1]), sys.argv[2]
connected = threading.Barrier(size + 1)
said: list[str] = []


def memory() -> float:
    """MiB of this process in RAM."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


def work() -> None:
    with connect(timeout=30, banner_timeout=30, auth_timeout=30) as client:
        connected.wait()
        said.append(ask(client, command)[1].strip())
        connected.wait()
        ask(client, "sleep 1")


with connect() as client:
    began = time.perf_counter()
    ask(client, "sleep 1")
    one = time.perf_counter() - began
before = memory()
began, computed = time.perf_counter(), time.process_time()
threads = [threading.Thread(target=work) for _ in range(size)]
for thread in threads:
    thread.start()
connected.wait()
took, cost = time.perf_counter() - began, time.process_time() - computed
connected.wait()
after = memory()
began = time.perf_counter()
for thread in threads:
    thread.join()
ratio = (time.perf_counter() - began) / one
print(*sorted(set(said)), len(said))
print(f"{size} connected in {took:.1f} s, {cost / size * 1000:.1f} ms of CPU each here")
print(f"{before:.0f} MiB before, {after:.0f} MiB with all connected")
print(f"sleep 1: {ratio:.2f} times as long for {size} as for one")
