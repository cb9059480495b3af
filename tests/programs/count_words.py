"""Counts the words of pages with a ThreadPoolExecutor: count_words.py URL..."""

import sys
import threading
import urllib.request
from collections import Counter
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    ThreadPoolExecutor,
    as_completed,
    wait,
)

own = threading.local()


def prepare(greeting: str) -> None:
    own.greeting = greeting


def count(url: str) -> Counter[str]:
    assert own.greeting == "hello"
    with urllib.request.urlopen(url, timeout=30) as page:
        return Counter(page.read().decode().split())


urls = sys.argv[1:]
with ThreadPoolExecutor(len(urls), initializer=prepare, initargs=["hello"]) as pool:
    futures = {pool.submit(count, url): url for url in urls}
    print(sum((future.result() for future in as_completed(futures)), Counter()))
    print(sum(pool.map(count, urls), Counter()).most_common(1))
    failed = pool.submit(count, "http://127.0.0.1:1/")
    print(type(failed.exception(timeout=30)).__name__)

with ThreadPoolExecutor(1) as pool:
    gate = threading.Event()
    first = pool.submit(gate.wait, 30)
    never = pool.submit(print, "never printed")
    try:
        first.result(timeout=0.01)
    except TimeoutError:
        print("not yet")
    print(never.cancel(), pool.submit(gate.set).running())
    threading.Thread(target=gate.set).start()
    done, left = wait([first, never], timeout=30, return_when=FIRST_COMPLETED)
    print(first.result(), never in done or never in left)
    try:
        never.result()
    except CancelledError:
        print("cancelled")
