"""pymemcache, python-memcached and pylibmc on a real Memcached, in both ways."""

import subprocess

import pytest

CLIENTS = ["plain", "pooled", "hash", "memcache", "pylibmc", "mapped"]
#: Calls of pylibmc wait in threads, beside the program's and the one that watches for stalls.
OS_THREADS = {"pylibmc": 102, "mapped": 102}


@pytest.mark.parametrize("client", CLIENTS)
def test_workers_wait_side_by_side(memcached, run, way, client: str) -> None:
    *lines, threads, together = run(way, "mc_work.py", client, "meeting")
    assert lines == ["{'a': [1, 2, None], 'é': 'ü'} None", "met all", "own answers True"]
    assert int(threads.split()[-1]) <= OS_THREADS.get(client, 3)
    assert together == "waited together True"


@pytest.mark.parametrize("client", CLIENTS)
def test_cut_anywhere_everybody_gets_his_own_answer(memcached, run, way, client: str) -> None:
    """gevent#1875: slots lost from pools."""
    assert run(way, "mc_work.py", client, "cuts") == [
        "cut True not cut True wrong [] whole True",
        "cancelled True 2  whole True",
    ]


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
