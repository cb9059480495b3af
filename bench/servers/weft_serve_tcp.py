"""weft: serve_tcp, a task per connection."""

from __future__ import annotations

from _common import BACKLOG, HOST, announce, echo, free_port

import weft

port = free_port()
announce(port)
weft.serve_tcp(echo, (HOST, port), backlog=BACKLOG)
