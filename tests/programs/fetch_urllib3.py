"""Fetches pages with urllib3: twenty threads share the five connections that a host is given."""

import argparse
from concurrent.futures import ThreadPoolExecutor

import urllib3

parser = argparse.ArgumentParser()
parser.add_argument("--ca", help="file with the certificates to trust")
parser.add_argument("--timeout", type=float, default=30)
parser.add_argument("urls", nargs="+")
options = parser.parse_args()


def fetch(url: str) -> str:
    try:
        answer = manager.request("GET", url, timeout=options.timeout)
    except urllib3.exceptions.HTTPError as error:
        return type(getattr(error, "reason", error)).__name__
    return f"{answer.status} {answer.data.decode()}"


retries = urllib3.Retry(total=3, status_forcelist=[503], backoff_factor=0.01, read=False)
with (
    urllib3.PoolManager(maxsize=5, block=True, retries=retries, ca_certs=options.ca) as manager,
    ThreadPoolExecutor(20) as pool,
):
    for line in pool.map(fetch, options.urls):
        print(line)
