"""Fetches pages with httpx: one blocking client that twenty threads share."""

import argparse
import ssl
from concurrent.futures import ThreadPoolExecutor

import httpx

parser = argparse.ArgumentParser()
parser.add_argument("--ca", help="file with the certificates to trust")
parser.add_argument("--timeout", type=float, default=30)
parser.add_argument("urls", nargs="+")
options = parser.parse_args()


def fetch(url: str) -> str:
    for _ in range(3):
        try:
            answer = client.get(url, follow_redirects=True)
        except httpx.HTTPError as error:
            return type(error).__name__
        if answer.status_code != 503:
            break
    return f"{answer.status_code} {answer.text}"


context = ssl.create_default_context(cafile=options.ca)
with (
    httpx.Client(verify=context, timeout=options.timeout) as client,
    ThreadPoolExecutor(20) as pool,
):
    for line in pool.map(fetch, options.urls):
        print(line)
