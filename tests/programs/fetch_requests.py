"""Fetches pages with requests: one session, twenty at a time."""

import argparse
from concurrent.futures import ThreadPoolExecutor

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

parser = argparse.ArgumentParser()
parser.add_argument("--ca", help="file with the certificates to trust")
parser.add_argument("--timeout", type=float, default=30)
parser.add_argument("urls", nargs="+")
options = parser.parse_args()


def fetch(url: str) -> str:
    try:
        answer = session.get(url, timeout=options.timeout)
    except requests.RequestException as error:
        return type(error).__name__
    return f"{answer.status_code} {answer.text}"


with requests.Session() as session, ThreadPoolExecutor(20) as pool:
    session.verify = options.ca
    retries = Retry(total=3, status_forcelist=[503], backoff_factor=0.01, read=False)
    session.mount("http://", HTTPAdapter(pool_maxsize=20, max_retries=retries))
    for line in pool.map(fetch, options.urls):
        print(line)
