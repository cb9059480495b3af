"""Clients of a real server: plain drivers in plain threads, on whatever these threads are.

    python work/services_work.py ENGINE WORK N PORT
    python -m weft run work/services_work.py weft WORK N PORT

ENGINE is ``threads``, ``gevent``, ``eventlet`` or ``weft``; the second and third patch here.
"""

from __future__ import annotations

import sys
import warnings

ENGINE = sys.argv.pop(1)
if ENGINE == "gevent":
    from gevent import monkey

    monkey.patch_all()
elif ENGINE == "eventlet":
    warnings.simplefilter("ignore")  # it announces its own retirement
    import eventlet

    eventlet.monkey_patch()

import os  # noqa: E402
import socket  # noqa: E402
import threading  # noqa: E402
from collections.abc import Callable  # noqa: E402

import pymemcache  # noqa: E402
import pymysql  # noqa: E402
import redis as redis_py  # noqa: E402
from _measure import Result, cpu_per, run  # noqa: E402

HOST, PORT = "127.0.0.1", int(sys.argv[3])
WORKERS = 100
WARM_UP = 20  # operations of each worker before it counts
VALUE = b"x" * 100

Operation = Callable[[], object]


def at_once(count: int, connect: Callable[[], Operation], expected: object) -> Result:
    """The cost of one operation when as many workers as there are make ``count`` of them.

    Args:
      connect: called by each worker for the operation that it is to repeat.
      expected: what each operation must return.
    """
    each = count // WORKERS
    ready = threading.Barrier(WORKERS + 1)
    go = threading.Event()
    wrong: list[object] = []

    def work() -> None:
        operation = connect()
        repeat(operation, WARM_UP)
        ready.wait()
        go.wait()
        repeat(operation, each)

    def repeat(operation: Operation, times: int) -> None:
        for _ in range(times):
            value = operation()
            if value != expected:
                wrong.append(value)

    def release() -> None:
        go.set()
        for thread in threads:
            thread.join()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    ready.wait()
    require_engine()
    result = cpu_per(each * WORKERS, release)
    if wrong:
        raise SystemExit(f"{len(wrong)} wrong answers, such as {wrong[0]!r}")
    return result


def require_engine() -> None:
    """Refuse to measure OS threads under another's name."""
    os_threads = len(os.listdir("/proc/self/task"))
    if (os_threads > WORKERS) != (ENGINE == "threads"):
        raise SystemExit(f"{os_threads} OS threads on {ENGINE}: threading is not what it should be")
    if ENGINE == "weft" and socket.socket.__module__ != "weft.socket":
        raise SystemExit("socket is not patched")


def redis(count: int) -> Result:
    """One client, whose pool opens a connection a worker."""
    client = redis_py.Redis(HOST, PORT)
    client.set("key", VALUE)
    return at_once(count, lambda: lambda: client.get("key"), VALUE)


def memcached(count: int) -> Result:
    """A client a worker, which is one connection."""

    def connect() -> Operation:
        client = pymemcache.Client((HOST, PORT), no_delay=True)
        return lambda: client.get("key")

    pymemcache.Client((HOST, PORT)).set("key", VALUE, noreply=False)
    return at_once(count, connect, VALUE)


def mysql(count: int) -> Result:
    """A connection and a cursor a worker; the row is found by its key."""

    def connect() -> Operation:
        cursor = connection().cursor()

        def select() -> object:
            cursor.execute("SELECT name FROM bench WHERE id = %s", (7,))
            return cursor.fetchone()

        return select

    def connection() -> pymysql.Connection:
        return pymysql.connect(
            host=HOST, port=PORT, user="weft", password="weft", database="weft", autocommit=True
        )

    with connection() as setup, setup.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE TABLE bench (id INT PRIMARY KEY, name VARCHAR(100))")
        cursor.executemany("INSERT INTO bench VALUES (%s, %s)", [(n, f"n{n}") for n in range(100)])
    return at_once(count, connect, ("n7",))


run({"redis": redis, "memcached": memcached, "mysql": mysql})
