"""eventlet: its green socket in an accept loop, a greenthread per connection."""

from __future__ import annotations

import warnings

warnings.simplefilter("ignore")  # it announces its own retirement

import eventlet  # noqa: E402
from _common import BACKLOG, HOST, announce, echo_and_close  # noqa: E402

server = eventlet.listen((HOST, 0), backlog=BACKLOG)
announce(server.getsockname()[1])
while True:
    sock, address = server.accept()
    eventlet.spawn_n(echo_and_close, sock)
