"""OS threads: a blocking accept loop, a thread per connection."""

from __future__ import annotations

import threading

from _common import announce, echo_and_close, listener

server = listener()
announce(server.getsockname()[1])
while True:
    sock, address = server.accept()
    threading.Thread(target=echo_and_close, args=(sock,), daemon=True).start()
