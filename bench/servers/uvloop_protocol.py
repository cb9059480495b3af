"""uvloop: a Protocol that writes back what it gets. No task, no stream: asyncio's least."""

from __future__ import annotations

import asyncio
from typing import cast

import uvloop
from _common import BACKLOG, HOST, announce, no_delay


class Echo(asyncio.Protocol):
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        no_delay(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, HOST, 0, backlog=BACKLOG)
    announce(server.sockets[0].getsockname()[1])
    await server.serve_forever()


uvloop.run(main())
