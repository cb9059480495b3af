"""An aiohttp application: in its lobby everybody waits until all twenty guests are there."""

import asyncio
import sys

from aiohttp import web


async def hello(request: web.Request) -> web.Response:
    return web.Response(text=f"hello {request.query.get('name', 'stranger')}")


async def waiting(request: web.Request) -> web.Response:
    return web.Response(text=str(request.app["lobby"].n_waiting))


async def meet(request: web.Request) -> web.Response:
    async with asyncio.timeout(30):
        await request.app["lobby"].wait()
    return web.Response(text="met all")


async def make_app() -> web.Application:
    app = web.Application()
    app["lobby"] = asyncio.Barrier(20)
    app.router.add_get("/hello", hello)
    app.router.add_get("/waiting", waiting)
    app.router.add_get("/meet", meet)
    return app


web.run_app(make_app(), host="127.0.0.1", port=int(sys.argv[1]))
