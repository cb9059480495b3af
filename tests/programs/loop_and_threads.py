"""asyncio and blocking code side by side: loop_and_threads.py URL..."""

import asyncio
import contextvars
import sys
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor

name = contextvars.ContextVar("name", default="nobody")


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as page:
        return f"{name.get()}: {page.read().decode()}"


async def fetch_async(url: str) -> str:
    """The same, without blocking."""
    host, port = url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET /meet HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    text = (await reader.read()).decode().rpartition("\r\n")[2]
    writer.close()
    await writer.wait_closed()
    return f"{name.get()}: {text}"


async def main(urls: list[str]) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(len(urls)))
    name.set("weaver")
    half = len(urls) // 2
    threads = [asyncio.to_thread(fetch, url) for url in urls[:half]]
    tasks = [fetch_async(url) for url in urls[half:]]
    for line in sorted(set(await asyncio.gather(*threads, *tasks))):
        print(line)

    try:
        async with asyncio.timeout(0.01):
            await asyncio.to_thread(threading.Event().wait, 0.1)
    except TimeoutError:
        print("too late")


async def meet(barrier: threading.Barrier, number: int) -> int:
    """Wait for the loops of other threads, without blocking this one's."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticker = asyncio.create_task(tick())
    await asyncio.to_thread(barrier.wait, 30)
    ticker.cancel()
    return number if ticks > 1 else -1


def run_loops() -> None:
    """Five event loops, each in a thread of its own, at the same time."""
    barrier = threading.Barrier(5)
    with ThreadPoolExecutor(5) as pool:
        loops = [pool.submit(asyncio.run, meet(barrier, number)) for number in range(5)]
        print(*[loop.result() for loop in loops])


asyncio.run(main(sys.argv[1:]))
run_loops()
