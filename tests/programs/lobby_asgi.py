"""An ASGI application of its own: in its lobby all wait until all twenty guests are there."""

import asyncio
from urllib.parse import parse_qs

lobby = asyncio.Barrier(20)


async def page(path: str, query: dict[str, list[str]]) -> str:
    if path == "/waiting":
        return str(lobby.n_waiting)
    if path == "/meet":
        async with asyncio.timeout(30):
            await lobby.wait()
        return "met all"
    return f"hello {query.get('name', ['stranger'])[0]}"


async def app(scope, receive, send) -> None:
    assert scope["type"] == "http"
    text = await page(scope["path"], parse_qs(scope["query_string"].decode()))
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
