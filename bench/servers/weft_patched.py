"""weft unnamed: `python -m weft run` makes each Thread a task. Serves with os_threads.py's code."""

from __future__ import annotations

import os
import socket
import threading

from _common import announce, echo_and_close, listener


def require_patched() -> None:
    """Refuse to serve from OS threads, which would be measured under weft's name."""
    event = threading.Event()
    thread = threading.Thread(target=event.wait)
    thread.start()
    os_threads = len(os.listdir("/proc/self/task"))
    event.set()
    thread.join()
    if os_threads > 1 or socket.socket.__module__ != "weft.socket":
        raise SystemExit("socket or threading is not patched")


require_patched()
server = listener()
announce(server.getsockname()[1])
while True:
    sock, address = server.accept()
    threading.Thread(target=echo_and_close, args=(sock,), daemon=True).start()
