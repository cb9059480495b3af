"""`make demo`: run examples/fetch.py three ways and compare what each took.

.venv/bin/python tools/demo.py --pages 200
"""

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
# One page after another takes 85 ms a page: of more than these it fetches so many, and the rest
# is reckoned.
ONE_BY_ONE_PAGES = 200
SAMPLE_EVERY = 0.01  # seconds
PYTHON = Path(sys.executable)


@dataclass
class Run:
    """What one way of running the program took, start-up included."""

    name: str
    wall: float  # seconds
    cpu: float  # seconds, user and system
    memory: int  # bytes, the peak
    threads: int  # OS threads, the most at one time
    failed: int  # pages
    scaled: bool = False  # whether wall and cpu were reckoned from fewer pages

    def row(self) -> str:
        mark = "~" if self.scaled else " "
        failed = f"   {self.failed} pages failed" if self.failed else ""
        return (
            f"  {self.name:<22}{mark}{self.wall:>8.2f} s{mark}{self.cpu:>8.2f} s"
            f"{self.memory / 1e6:>10.0f} MB{self.threads:>12}{failed}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=200)
    pages = parser.parse_args().pages
    server = Popen(
        [PYTHON, EXAMPLES / "slow_pages.py", "--with-parent"], stdin=PIPE, stdout=PIPE, text=True
    )
    with server:
        port = int(server.stdout.readline())
        print(f"\n{pages} pages from a local server, 20 to 150 ms each, fetched by one program:\n")
        runs = three_ways(port, pages)
    print()
    show(runs, pages)


def three_ways(port: int, pages: int) -> list[Run]:
    """Run the program one page after another, in OS threads, and on weft."""
    few = min(pages, ONE_BY_ONE_PAGES)
    weft = PYTHON.with_name("weft")
    one_by_one = measure("one after another", port, few, [PYTHON], "--one-by-one")
    if few < pages:
        one_by_one.wall *= pages / few
        one_by_one.cpu *= pages / few
        one_by_one.scaled = True
    return [
        one_by_one,
        measure("OS threads", port, pages, [PYTHON]),
        measure("weft", port, pages, [weft, "run"]),
    ]


def measure(name: str, port: int, pages: int, python: list[Path | str], *options: str) -> Run:
    """Run the program once, and watch it from outside.

    Raises:
      SystemExit: the program could not do its work at all.
    """
    words = ["examples/fetch.py", *options, "--pages", str(pages)]
    print("  $", python[0].name, *python[1:], *words, flush=True)
    command = [*python, EXAMPLES / "fetch.py", *words[1:], "--port", str(port), "--json"]
    started = time.monotonic()
    # The bar goes to stderr, which stays the terminal.
    program = Popen(command, stdout=PIPE, text=True)
    threads = most_threads(program.pid)
    _, status, used = os.wait4(program.pid, 0)
    wall = time.monotonic() - started
    program.returncode = os.waitstatus_to_exitcode(status)
    output = program.communicate()[0]
    if not output:
        raise SystemExit(f"{name} ended with status {program.returncode} and no figures")
    figures = json.loads(output)
    print(f"    {figures['bytes'] / 1e6:.1f} MB in {figures['seconds']:.2f} s", flush=True)
    cpu = used.ru_utime + used.ru_stime
    return Run(name, wall, cpu, used.ru_maxrss * 1024, threads, figures["failed"])


def most_threads(pid: int) -> int:
    """Count a process's OS threads until it ends; the most there were."""
    most = 1
    with open(f"/proc/{pid}/stat") as stat:
        while True:
            stat.seek(0)
            # What follows the command's name in parentheses: state, then 17 fields to the count.
            fields = stat.read().rpartition(") ")[2].split()
            if fields[0] in "ZX":
                return most
            most = max(most, int(fields[17]))
            time.sleep(SAMPLE_EVERY)


def show(runs: list[Run], pages: int) -> None:
    """Print the table, with what weft took in parts of what the others took."""
    *others, weft = runs
    print(f"  {'':<22}{'wall time':>11}{'CPU time':>11}{'peak memory':>13}{'OS threads':>12}")
    for run in runs:
        print(run.row())
    print()
    for other in others:
        print(
            f"  {f'weft : {other.name}':<25}{weft.wall / other.wall:>9.2f}x"
            f"{weft.cpu / other.cpu:>10.2f}x{weft.memory / other.memory:>11.2f}x"
            f"{f'{weft.threads} : {other.threads}':>14}"
        )
    if others[0].scaled:
        print(f"\n  ~ reckoned from {ONE_BY_ONE_PAGES} pages; the others fetched all {pages}.")
    print()


if __name__ == "__main__":
    main()
