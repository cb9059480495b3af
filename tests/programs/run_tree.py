"""Runs a tree of processes: two branches at once, and five leaves below each."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

LEAF = """
import sys, urllib.request
text = urllib.request.urlopen(sys.argv[1], timeout=30).read().decode()
print(sys.stdin.readline().strip(), text)
"""


def run_leaf(url: str, number: int) -> str:
    leaf = subprocess.run(
        [sys.executable, "-S", "-c", LEAF, url],
        input=f"leaf {number}\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return leaf.stdout.strip()


def run_branch(url: str) -> list[str]:
    """Five leaves at once, below a process of their own."""
    command = [sys.executable, __file__, "branch", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as branch:
        return [line.strip() for line in branch.stdout]


def run_pipeline() -> str:
    words = subprocess.Popen(["printf", r"weft\nwarp\nweft\n"], stdout=subprocess.PIPE)
    with (
        words,
        subprocess.Popen(
            ["sort", "-u"], stdin=words.stdout, stdout=subprocess.PIPE, text=True
        ) as unique,
    ):
        words.stdout.close()
        return " ".join(unique.communicate()[0].split())


def main(url: str) -> None:
    with ThreadPoolExecutor(10) as pool:
        branches = [pool.submit(run_branch, url) for _ in range(2)]
        pipeline = pool.submit(run_pipeline)
        late = pool.submit(subprocess.run, ["sleep", "1000"], timeout=0.05)
        bad = pool.submit(subprocess.check_call, ["false"])
        for branch in branches:
            print(*branch.result(), sep=", ")
        print(pipeline.result(), type(late.exception()).__name__, type(bad.exception()).__name__)
    print(subprocess.getstatusoutput("echo out; echo error >&2; exit 3"))


if sys.argv[1] == "branch":
    with ThreadPoolExecutor(5) as leaves:
        for line in leaves.map(run_leaf, [sys.argv[2]] * 5, range(5)):
            print(line)
else:
    main(sys.argv[1])
