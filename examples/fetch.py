"""Download pages: plain blocking urllib, a thread for each page.

python examples/fetch.py https://example.org/ https://example.com/
python examples/fetch.py --file urls.txt
python examples/fetch.py --pages 500         from a server of its own, 20 to 150 ms a page
"""

import argparse
import json
import os
import resource
import sys
import threading
import time
import urllib.request
from http.client import HTTPException
from pathlib import Path
from queue import SimpleQueue
from subprocess import PIPE, Popen

SLOW_PAGES = Path(__file__).with_name("slow_pages.py")
TIMEOUT = 60  # seconds without a byte until a page counts as failed


class Progress:
    """Counts what has come, and draws a bar where stderr is a terminal."""

    def __init__(self, pages: int) -> None:
        self.pages = pages
        self.done = self.failed = self.bytes = 0
        self.started = self.drawn = time.monotonic()
        self.draws = sys.stderr.isatty()

    def add(self, url: str, result: int | Exception) -> None:
        """Count one page: its size, or what it failed with."""
        self.done += 1
        if isinstance(result, Exception):
            self.failed += 1
            self.draw("\r\033[K" if self.draws else "", f"failed: {url}: {result}\n")
        else:
            self.bytes += result
        if self.draws and (time.monotonic() - self.drawn > 0.05 or self.done == self.pages):
            self.drawn = time.monotonic()
            filled = 40 * self.done // self.pages
            bar = "█" * filled + "░" * (40 - filled)
            self.draw(f"\r{bar} {self.done}/{self.pages}  {self.bytes / 1e6:.1f} MB  ")
            self.draw(f"{self.seconds():.1f} s")

    def draw(self, *texts: str) -> None:
        print(*texts, sep="", end="", file=sys.stderr, flush=True)

    def seconds(self) -> float:
        return time.monotonic() - self.started

    def report(self, as_json: bool) -> None:
        """Say how it went, on stdout."""
        if self.draws:
            self.draw("\r\033[K")
        if as_json:
            figures = {name: getattr(self, name) for name in ("pages", "failed", "bytes")}
            print(json.dumps({**figures, "seconds": round(self.seconds(), 3)}))
        else:
            failed = f", {self.failed} failed" if self.failed else ""
            megabytes = self.bytes / 1e6
            print(f"{self.pages} pages, {megabytes:.1f} MB in {self.seconds():.2f} s{failed}")


def fetch(url: str) -> int | Exception:
    """Download one page: its size in bytes, or why there is none."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as page:
            return len(page.read())
    except (OSError, HTTPException, ValueError) as error:
        return error


def fetch_all(urls: list[str], progress: Progress, one_by_one: bool) -> None:
    """Download all pages, in this thread or in one for each."""
    if one_by_one:
        for url in urls:
            progress.add(url, fetch(url))
        return
    results = SimpleQueue()
    for url in urls:
        thread = threading.Thread(target=lambda url=url: results.put((url, fetch(url))))
        try:
            thread.start()
        except RuntimeError as error:  # the system has no room for one more
            results.put((url, error))
    for _ in urls:
        progress.add(*results.get())


def read_urls(path: str) -> list[str]:
    """The lines of a file, or of stdin for ``-``, less empty ones and comments."""
    with sys.stdin if path == "-" else open(path) as file:
        lines = [line.strip() for line in file]
    return [line for line in lines if line and not line.startswith("#")]


def run(urls: list[str], options: argparse.Namespace) -> int:
    progress = Progress(len(urls))
    fetch_all(urls, progress, options.one_by_one)
    progress.report(options.json)
    return 1 if progress.failed else 0


def run_on_local_pages(options: argparse.Namespace) -> int:
    # A proxy could not reach a server that only this machine sees.
    os.environ["no_proxy"] = "127.0.0.1"
    allow_many_files()
    if options.port:
        return run(local_urls(options.port, options.pages), options)
    command = [sys.executable, SLOW_PAGES, "--with-parent"]
    with Popen(command, stdin=PIPE, stdout=PIPE, text=True) as server:
        port = int(server.stdout.readline())
        return run(local_urls(port, options.pages), options)


def local_urls(port: int, pages: int) -> list[str]:
    return [f"http://127.0.0.1:{port}/page/{number}" for number in range(pages)]


def allow_many_files() -> None:
    """Each connection is an open file, and most systems start a program with room for 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("urls", nargs="*", metavar="URL", help="a page to download")
    parser.add_argument("--file", help="a file of URLs, one a line; - is stdin")
    parser.add_argument("--pages", type=int, default=200, help="how many of the local server's")
    parser.add_argument("--port", type=int, help="of a slow_pages.py that runs already")
    parser.add_argument("--one-by-one", action="store_true", help="without threads")
    parser.add_argument("--json", action="store_true", help="figures for another program")
    options = parser.parse_args()
    if options.file:
        try:
            options.urls += read_urls(options.file)
        except OSError as error:
            parser.error(str(error))
    if options.urls or options.file:
        return run(options.urls, options)
    return run_on_local_pages(options)


if __name__ == "__main__":
    sys.exit(main())
