"""An event loop that works until Ctrl-C, and cleans up then."""

import asyncio
import threading
from functools import partial


async def main() -> None:
    work = asyncio.create_task(asyncio.sleep(1000))
    await asyncio.to_thread(int)
    asyncio.get_running_loop().call_soon(partial(print, "ready", flush=True))
    try:
        await work
    except asyncio.CancelledError:
        print("told to stop", asyncio.current_task().cancelling(), work.cancelled())
        await asyncio.sleep(0.001)
        print("cleaned up", threading.active_count() > 1)
        raise


try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted")
