"""Ten child processes of an event loop, all at once: loop_and_processes.py URL"""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE

CHILD = """
import sys, urllib.request
text = urllib.request.urlopen(sys.argv[1], timeout=30).read().decode()
print(sys.stdin.readline().strip(), text)
sys.exit(int(sys.argv[2]))
"""


async def run_child(url: str, number: int) -> tuple[str, int | None]:
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-S", "-c", CHILD, url, str(number)], stdin=PIPE, stdout=PIPE
    )
    stdout, _ = await process.communicate(f"child {number}\n".encode())
    return stdout.decode().strip(), process.returncode


async def main(url: str) -> None:
    done = await asyncio.gather(*(run_child(url, number) for number in range(10)))
    print(done == [(f"child {number} met all", number) for number in range(10)])

    shell = await asyncio.create_subprocess_shell("echo $$; exec sleep 1000", stdout=PIPE)
    assert shell.stdout
    print(int(await shell.stdout.readline()) == shell.pid)
    shell.terminate()
    print(await shell.wait())
    late = await asyncio.create_subprocess_exec("sleep", "1000", stdout=DEVNULL)
    try:
        await asyncio.wait_for(late.wait(), 0.05)
    except TimeoutError:
        late.kill()
    print(await late.wait())


asyncio.run(main(sys.argv[1]))
