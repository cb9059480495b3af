"""Fetches pages with nothing but the stdlib: urllib.request in a thread for each page."""

import argparse
import ssl
import threading
import urllib.request

parser = argparse.ArgumentParser()
parser.add_argument("--ca", help="file with the certificates to trust")
parser.add_argument("--timeout", type=float, default=30)
parser.add_argument("urls", nargs="+")
options = parser.parse_args()
context = ssl.create_default_context(cafile=options.ca)
lines: dict[int, str] = {}


def fetch(number: int, url: str) -> None:
    for _ in range(3):
        try:
            with urllib.request.urlopen(url, timeout=options.timeout, context=context) as answer:
                lines[number] = f"{answer.status} {answer.read().decode()}"
            return
        except urllib.error.HTTPError as error:
            error.close()
            lines[number] = f"{error.code} {error.reason}"
        except OSError as error:
            lines[number] = type(getattr(error, "reason", error)).__name__
            return


threads = [
    threading.Thread(target=fetch, args=[number, url]) for number, url in enumerate(options.urls)
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for number in sorted(lines):
    print(lines[number])
