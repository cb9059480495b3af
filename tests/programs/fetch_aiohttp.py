"""Fetches pages with aiohttp: one session, all pages at once."""

import argparse
import asyncio
import ssl

import aiohttp

parser = argparse.ArgumentParser()
parser.add_argument("--ca", help="file with the certificates to trust")
parser.add_argument("--timeout", type=float, default=30)
parser.add_argument("urls", nargs="+")
options = parser.parse_args()


async def fetch(session: aiohttp.ClientSession, url: str) -> str:
    for _ in range(3):
        try:
            async with session.get(url) as answer:
                line = f"{answer.status} {await answer.text()}"
        except (aiohttp.ClientError, TimeoutError) as error:
            return type(error).__name__
        if answer.status != 503:
            break
    return line


async def main() -> None:
    context = ssl.create_default_context(cafile=options.ca)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context),
        timeout=aiohttp.ClientTimeout(options.timeout),
    ) as session:
        for line in await asyncio.gather(*(fetch(session, url) for url in options.urls)):
            print(line)


asyncio.run(main())
