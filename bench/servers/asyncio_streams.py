"""asyncio: StreamReader and StreamWriter, a task per connection."""

from __future__ import annotations

import asyncio

from _common import BACKLOG, HOST, RECV_SIZE, announce, no_delay


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    no_delay(writer.get_extra_info("socket"))
    while data := await reader.read(RECV_SIZE):
        writer.write(data)
        await writer.drain()
    writer.close()


async def main() -> None:
    server = await asyncio.start_server(echo, HOST, 0, backlog=BACKLOG)
    announce(server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
