"""Chapter 05: blocking code fetches ten pages at once, in one OS thread."""

import re

BYTES = 1024 * sum(range(1, 11))


def test_ten_blocking_fetches_overlap(lesson) -> None:
    slow, fast, ratio, *pages, threads = lesson("05")
    took = re.fullmatch(rf"one after another: {BYTES} bytes in ([\d.]+) s", slow)
    assert float(took[1]) >= 2.0
    assert fast.startswith(f"all at once:       {BYTES} bytes in ")
    times, same = ratio.split(" times as fast, the same bytes: ")
    # Ten, but for what else the machine does.
    assert int(times) >= 3
    assert same == "True"
    assert pages == [f"    page {n}: {1024 * n} bytes" for n in (1, 2, 3)]
    assert threads == "OS threads that answered: 1"


def test_what_fetches_does_not_know_weft(lesson, run_python) -> None:
    done = run_python("-m", "weft", "lesson", "05", "--source")
    fetch = done.stdout.partition("def fetch(url):")[2].partition("\n\n\n")[0]
    assert fetch.splitlines()[2:] == [
        "    with urlopen(url) as page:",
        "        return len(page.read())",
    ]
