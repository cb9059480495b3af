"""gevent: the patched socket in a plain accept loop, a greenlet per connection."""

from __future__ import annotations

from gevent import monkey, spawn

monkey.patch_all()

from _common import announce, echo_and_close, listener  # noqa: E402 (after patching)

server = listener()
announce(server.getsockname()[1])
while True:
    sock, address = server.accept()
    spawn(echo_and_close, sock)
