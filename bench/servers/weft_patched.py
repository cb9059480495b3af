"""weft unnamed: `python -m weft run` makes each Thread a task. The code of os_threads.py."""

from __future__ import annotations

import threading

from _common import announce, echo_and_close, listener

server = listener()
announce(server.getsockname()[1])
while True:
    sock, address = server.accept()
    threading.Thread(target=echo_and_close, args=(sock,), daemon=True).start()
