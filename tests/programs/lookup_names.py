"""Looks names up with dnspython, all at once: lookup_names.py SERVER PORT NAME..."""

import sys
from concurrent.futures import ThreadPoolExecutor

import dns.exception
import dns.resolver

resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers = [sys.argv[1]]
resolver.port = int(sys.argv[2])
resolver.lifetime = 30
resolver.timeout = 30


def look_up(name: str) -> str:
    try:
        answer = resolver.resolve(name, "A", lifetime=0.3 if name.startswith("silent") else None)
    except dns.exception.DNSException as error:
        return f"{name} {type(error).__name__}"
    return f"{name} {' '.join(sorted(record.address for record in answer))}"


names = sys.argv[3:]
with ThreadPoolExecutor(len(names)) as pool:
    for line in pool.map(look_up, names):
        print(line)
