"""Servers: each connection's handler is ordinary blocking code in a task of its own."""

from weft.servers._stream import ServerStatistics, StreamServer, serve_tcp

__all__ = ["ServerStatistics", "StreamServer", "serve_tcp"]
