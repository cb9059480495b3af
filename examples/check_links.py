"""Say which pages answer: weft.map over plain blocking urllib, so many at a time.

python examples/check_links.py https://example.org/ https://example.com/
python examples/check_links.py --file urls.txt --limit 50
python examples/check_links.py --pages 500      of a server of its own, 20 to 150 ms a page
"""

import weft.patch

weft.patch.all()  # first of all: the modules below shall wait as tasks do

import argparse  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import urllib.request  # noqa: E402
from collections.abc import Iterable, Iterator  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from http.client import HTTPException  # noqa: E402
from pathlib import Path  # noqa: E402
from subprocess import PIPE, Popen  # noqa: E402

import weft  # noqa: E402

SLOW_PAGES = Path(__file__).with_name("slow_pages.py")


def check(url: str) -> str | None:
    """What is wrong with a page; None if it answers within 20 seconds."""
    try:
        with weft.timeout(20), urllib.request.urlopen(url) as page:
            page.read()
    except (OSError, HTTPException, ValueError) as error:
        return f"{url}: {error}"
    return None


def lines(path: str) -> Iterator[str]:
    """The lines of a file, or of stdin for ``-``, read as they are needed."""
    with sys.stdin if path == "-" else open(path) as file:
        yield from (line.strip() for line in file if line.strip())


@contextmanager
def local_pages(pages: int) -> Iterator[list[str]]:
    """URLs of a slow server on this machine, the last of which it does not have."""
    os.environ["no_proxy"] = "127.0.0.1"
    command = [sys.executable, str(SLOW_PAGES), "--with-parent"]
    with Popen(command, stdin=PIPE, stdout=PIPE, text=True) as server:
        site = f"http://127.0.0.1:{int(server.stdout.readline())}"
        yield [*(f"{site}/page/{n}" for n in range(pages)), f"{site}/missing"]


def report(urls: Iterable[str], limit: int) -> int:
    """Check every page, name those that are broken, and return how many are."""
    count = broken = 0
    for fault in weft.map(check, urls, limit=limit, ordered=False, progress=True):
        count += 1
        if fault is not None:
            broken += 1
            print(fault)
    print(f"{count} pages, {broken} broken")
    return broken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("urls", nargs="*", metavar="URL", help="a page to check")
    parser.add_argument("--file", help="a file of URLs, one a line; - is stdin")
    parser.add_argument("--pages", type=int, default=100, help="how many of the local server's")
    parser.add_argument("--limit", type=int, default=100, help="how many at a time")
    options = parser.parse_args()
    if options.file:
        return 1 if report(lines(options.file), options.limit) else 0
    if options.urls:
        return 1 if report(options.urls, options.limit) else 0
    with local_pages(options.pages) as urls:
        return 1 if report(urls, options.limit) else 0


if __name__ == "__main__":
    sys.exit(main())
