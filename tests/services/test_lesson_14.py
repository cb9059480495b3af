"""Chapter 14 on a real Redis and Memcached: what is one step, and what only looks like one."""

import re
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pymemcache
import redis

CHAPTER = Path(__file__).parents[2] / "examples" / "lesson" / "14_caches.py"
WORDS = ("price", "count", "lock")


def test_a_cache_counters_a_lock_and_news(way, run, redis_server, memcached) -> None:
    lines = run(way, CHAPTER)
    assert lines[1:3] == [
        f"{name}: asked 4 times, loaded 2 times, again after it had expired"
        for name in ("Redis", "Memcached")
    ]
    without, locked = (int(line.split()[-1]) for line in lines[4:6])
    assert without > 10
    assert locked == 1
    counts = dict(re.fullmatch(r"(.+): (\d+) of 100", line).groups() for line in lines[7:12])
    assert list(counts) == [
        "Redis, read_add_write",
        "Redis, increment",
        "Memcached, read_add_write",
        "Memcached, increment",
        "Memcached, compare_and_swap",
    ]
    for name, count in counts.items():
        assert (int(count) < 100) if "read_add_write" in name else (int(count) == 100), name
    assert lines[13:15] == [
        f"'{text}' went to 3 listeners" for text in ("baozi are ready", "tea is ready")
    ]
    assert lines[15:] == ["heard: baozi are ready, tea is ready"] * 3
    keys = [f"weft-lesson-{word}" for word in WORDS]
    with redis.from_url(redis_server.url) as client:
        assert client.exists(*keys) == 0
    with closing(pymemcache.Client(urlsplit(memcached.url).netloc)) as client:
        assert client.get_many(keys) == {}
