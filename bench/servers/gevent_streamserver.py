"""gevent: StreamServer, a greenlet per connection."""

from __future__ import annotations

from _common import BACKLOG, HOST, announce, echo
from gevent.server import StreamServer

server = StreamServer((HOST, 0), echo, backlog=BACKLOG)
server.start()
announce(server.server_port)
server.serve_forever()
