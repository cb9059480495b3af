"""pymemcache, python-memcached and pylibmc on a real Memcached, in both ways."""

import subprocess

import pytest

CLIENTS = ["plain", "pooled", "hash", "memcache", "pylibmc", "mapped"]
#: Calls of pylibmc wait in threads, beside the program's and the one that watches for stalls.
OS_THREADS = {"pylibmc": 102, "mapped": 102}


@pytest.mark.parametrize("client", CLIENTS)
def test_side_by_side_and_cut_anywhere(memcached, run, way, client: str) -> None:
    """gevent#1875: slots lost from pools."""
    lines = run(way, "mc_work.py", client, "work")
    threads = lines.pop(3)
    assert lines == [
        "{'a': [1, 2, None], 'é': 'ü'} None",
        "met all",
        "own answers True",
        "waited together True",
        "cut True not cut True wrong [] whole True",
        "cancelled True 2  whole True",
    ]
    assert int(threads.split()[-1]) <= OS_THREADS.get(client, 3)


@pytest.mark.parametrize("client", ["plain", "pooled", "memcache", "pylibmc"])
def test_a_crash_is_the_drivers_error_and_work_goes_on(
    memcached, start, finish, way, client: str
) -> None:
    program = start(way, "mc_work.py", client, "outage", stdin=subprocess.PIPE)
    assert program.stdout.readline() == "at work\n"
    memcached.kill()
    assert program.stdout.readline() == "all failed\n"
    memcached.start()
    program.stdin.write("go on\n")
    program.stdin.flush()
    assert finish(program) == ["20 once each True True"]
