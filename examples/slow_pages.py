"""A web server on this machine whose pages take 20 to 150 ms each, as those of far ones do.

    python examples/slow_pages.py --port 8000

``/page/17`` has the same delay and the same bytes whenever it is asked for. It is written on
asyncio's protocols, so that a program that fetches from it is what a measurement measures.
"""

import argparse
import asyncio
import resource
import sys

NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
FILLER = b"<p>All warp and no weft makes a poor cloth.</p>\n" * 800


def delay(page: int) -> float:
    """Seconds before ``page`` is answered: scattered, yet always the same."""
    return (20 + page * 7919 % 131) / 1000


def response(page: int) -> bytes:
    """The whole answer for ``page``, of 1 to 32 KiB."""
    body = FILLER[: 1024 * (1 + page * 104729 % 32)]
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


class SlowPages(asyncio.Protocol):
    """One connection, which asks for one page."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.request = b""

    def data_received(self, data: bytes) -> None:
        self.request += data
        if b"\r\n\r\n" not in self.request:
            return
        path = self.request.split()[1].decode("latin-1")
        number = path.removeprefix("/page/")
        if number.isdecimal():
            page = int(number)
            loop = asyncio.get_running_loop()
            loop.call_later(delay(page), self.answer, response(page))
        else:
            self.answer(NOT_FOUND)

    def answer(self, data: bytes) -> None:
        self.transport.write(data)
        self.transport.close()


async def serve(port: int, with_parent: bool) -> None:
    """Print the port, then answer until stdin ends (``with_parent``) or for ever."""
    loop = asyncio.get_running_loop()
    # Thousands may come at once; the kernel cuts the number to what it allows.
    server = await loop.create_server(SlowPages, "127.0.0.1", port, backlog=65535)
    print(server.sockets[0].getsockname()[1], flush=True)
    stopped = asyncio.Event()
    if with_parent:
        loop.add_reader(sys.stdin, stopped.set)
    await stopped.wait()


def allow_many_files() -> None:
    """Each connection is an open file, and most systems start a program with room for 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--with-parent", action="store_true", help="stop when stdin ends")
    options = parser.parse_args()
    allow_many_files()
    asyncio.run(serve(options.port, options.with_parent))


if __name__ == "__main__":
    main()
