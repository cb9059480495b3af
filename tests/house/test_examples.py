"""The examples do what they say, under plain python and on weft."""

import json
import os
import sys
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FETCH = str(EXAMPLES / "fetch.py")
WAYS = {"python": [], "weft": ["-m", "weft", "run"]}


@pytest.fixture(params=WAYS)
def fetch(request, run_python):
    """Run fetch.py in one of the two ways."""
    return lambda *words, **keywords: run_python(*WAYS[request.param], FETCH, *words, **keywords)


@pytest.fixture
def pages():
    """The port of a slow_pages.py that runs for one test."""
    command = [sys.executable, EXAMPLES / "slow_pages.py", "--with-parent"]
    with Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, text=True) as server:
        yield int(server.stdout.readline())


def test_fetch_names_nothing_of_weft() -> None:
    assert "weft" not in Path(FETCH).read_text()


def test_fetch_downloads_every_page(fetch) -> None:
    done = fetch("--pages", "60", "--json")
    assert done.stderr == ""
    figures = json.loads(done.stdout)
    del figures["seconds"]
    assert figures == {"pages": 60, "failed": 0, "bytes": 1005568}
    assert done.returncode == 0


def test_fetch_one_by_one_downloads_the_same(fetch, pages) -> None:
    words = ["--pages", "4", "--port", str(pages)]
    together, one_by_one = fetch(*words), fetch(*words, "--one-by-one")
    assert together.stdout.split(" in ")[0] == one_by_one.stdout.split(" in ")[0]


def test_fetch_reports_what_fails_and_goes_on(fetch, pages, tmp_path: Path) -> None:
    site = f"http://127.0.0.1:{pages}"
    urls = tmp_path / "urls.txt"
    urls.write_text(f"# three pages\n\n{site}/page/1\nnonsense\n{site}/missing\n{site}/page/2\n")
    environment = {**os.environ, "no_proxy": "127.0.0.1"}
    done = fetch("--file", str(urls), f"{site}/page/3", env=environment)
    assert done.returncode == 1
    assert done.stdout.startswith("5 pages, ")
    assert done.stdout.endswith(", 2 failed\n")
    assert sorted(done.stderr.splitlines()) == [
        f"failed: {site}/missing: HTTP Error 404: Not Found",
        "failed: nonsense: unknown url type: 'nonsense'",
    ]


def test_fetch_says_when_there_is_no_such_file(fetch) -> None:
    done = fetch("--file", "nofile.txt")
    assert done.returncode == 2
    assert "No such file or directory: 'nofile.txt'" in done.stderr


def check_links(run_python, *words: str):
    return run_python(str(EXAMPLES / "check_links.py"), *words)


def test_check_links_names_the_page_that_is_missing(run_python) -> None:
    done = check_links(run_python, "--pages", "30", "--limit", "10")
    assert done.stderr == ""
    fault, summary = done.stdout.splitlines()
    assert fault.endswith("/missing: HTTP Error 404: Not Found")
    assert summary == "31 pages, 1 broken"
    assert done.returncode == 1


def test_check_links_reads_a_file(run_python, pages, tmp_path: Path) -> None:
    urls = tmp_path / "urls.txt"
    urls.write_text(f"http://127.0.0.1:{pages}/page/1\n\nhttp://127.0.0.1:{pages}/page/2\n")
    done = check_links(run_python, "--file", str(urls))
    assert (done.stdout, done.stderr, done.returncode) == ("2 pages, 0 broken\n", "", 0)
