"""What programs do with psycopg 3 and psycopg2: `pg_work.py psycopg2 basics` ..."""

import asyncio
import importlib
import os
import re
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

URL = os.environ["WEFT_POSTGRESQL_URL"]
WORKERS = 200
driver = importlib.import_module(sys.argv[1])


def side_by_side(function, count):
    """What `function(0)` ... return, each called in a thread of its own, all at the same time."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(function, range(count)))


def connect(**options):
    connection = driver.connect(URL, **options)
    connection.autocommit = True
    return connection


def ask(connection, query, *words):
    """The first row of the answer."""
    with connection.cursor() as cursor:
        cursor.execute(query, words)
        return cursor.fetchone() if cursor.description else None


def os_threads():
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"^Threads:\s+(\d+)$", status, re.MULTILINE)[1])


def basics():
    connection = driver.connect(URL)
    cursor = connection.cursor()
    cursor.execute("DROP TABLE IF EXISTS things")
    cursor.execute("CREATE TABLE things (id integer PRIMARY KEY, name text)")
    cursor.executemany("INSERT INTO things VALUES (%s, %s)", [(n, f"no {n}") for n in range(100)])
    connection.commit()
    cursor.execute("DELETE FROM things")
    connection.rollback()
    print("rolled back", ask(connection, "SELECT count(*), max(name) FROM things"))
    try:
        cursor.execute("INSERT INTO things VALUES (7, 'again')")
    except driver.errors.UniqueViolation as error:
        print(type(error).__name__, connection.info.transaction_status)
    connection.rollback()
    cursor.execute("SELECT n, repeat('x', 100) FROM generate_series(1, 50000) n")
    print("rows", sum(row[0] for row in cursor), cursor.rowcount)
    with connection.cursor("named") as named:
        named.execute("SELECT n FROM generate_series(1, 1000) n")
        print("named", len(named.fetchmany(10)), len(named.fetchall()))
    big = "é" * 2_000_000
    print("big", ask(connection, "SELECT %s::text", big)[0] == big)
    connection.close()
    try:
        driver.connect(URL.replace("weft:weft", "weft:wrong"))
    except driver.OperationalError as error:
        print("password authentication failed" in str(error))


def more():
    """What psycopg 3 alone has."""
    with driver.connect(URL, autocommit=True) as connection, connect() as other:
        connection.execute("DROP TABLE IF EXISTS copied")
        connection.execute("CREATE TABLE copied (id integer)")
        with connection.cursor().copy("COPY copied FROM STDIN") as copy:
            for number in range(10_000):
                copy.write_row([number])
        with connection.cursor().copy("COPY copied TO STDOUT") as copy:
            print("copied", sum(1 for _ in copy.rows()))
        with connection.pipeline():
            cursors = [connection.execute("SELECT %s + 1", [number]) for number in range(100)]
        print("pipeline", cursors[-1].fetchone())
        connection.execute("LISTEN news")
        sending = threading.Thread(target=other.execute, args=["NOTIFY news, 'hello'"])
        sending.start()
        print("notified", *(each.payload for each in connection.notifies(timeout=10, stop_after=1)))
        sending.join()
        print("none", *connection.notifies(timeout=0.05))

    async def in_asyncio():
        async with await driver.AsyncConnection.connect(URL) as there:
            answer = await there.execute("SELECT 'from asyncio'")
            return (await answer.fetchone())[0]

    print(asyncio.run(in_asyncio()))


def meeting():
    """None of 200 goes on until all are there; then one waits for half a second, then all do."""
    main = connect()
    ask(main, "DROP TABLE IF EXISTS arrivals")
    ask(main, "CREATE TABLE arrivals (worker integer)")
    ask(main, "SELECT pg_advisory_lock(7)")
    with ThreadPoolExecutor(WORKERS) as pool:
        workers = [pool.submit(meet, number) for number in range(WORKERS)]
        end = time.monotonic() + 30
        while (here := ask(main, "SELECT count(*) FROM arrivals")[0]) < WORKERS:
            if time.monotonic() > end:
                print(f"only {here} of {WORKERS} were there in 30 s")
                os._exit(1)
        print("OS threads", os_threads())
        ask(main, "SELECT pg_advisory_unlock(7)")
        connections = [worker.result() for worker in workers]
    start = time.perf_counter()
    ask(connections[0], "SELECT pg_sleep(0.5)")
    one = time.perf_counter() - start
    start = time.perf_counter()
    answers = side_by_side(lambda n: ask(connections[n], "SELECT %s, pg_sleep(0.5)", n)[0], WORKERS)
    print("own answers", answers == list(range(WORKERS)))
    print("ratio", round((time.perf_counter() - start) / one, 2))


def meet(number):
    connection = connect()
    ask(connection, "INSERT INTO arrivals VALUES (%s)", number)
    ask(connection, "SELECT pg_advisory_lock_shared(7), pg_advisory_unlock_shared(7)")
    return connection


def silence():
    """A server that takes the connections and says nothing: the drivers' own timeouts."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host, port = silent.getsockname()
        address = f"host={host} port={port} dbname=weft user=weft connect_timeout=2"

        def give_up(number):
            other = importlib.import_module(["psycopg", "psycopg2"][number])
            start = time.monotonic()
            try:
                other.connect(address)
            except other.OperationalError as error:
                return "timeout expired" in str(error), time.monotonic() - start >= 2

        print(*side_by_side(give_up, 2))


def shared():
    """One task waits in a connection; what others do with it waits for that."""
    main, connection = connect(), connect()
    ask(main, "SELECT pg_advisory_lock(8)")
    waits = (
        f"SELECT count(*) FROM pg_locks WHERE pid = {connection.info.backend_pid} AND NOT granted"
    )
    query = "SELECT 'mine', pg_advisory_lock(8)"
    asking = threading.Thread(target=lambda: print(ask(connection, query)[0]))
    asking.start()
    while not ask(main, waits)[0]:
        pass
    try:
        ask(connection, "SELECT 'not mine'")
    except driver.ProgrammingError as error:
        print(error)
    others = [threading.Thread(target=method) for method in (connection.commit, connection.close)]
    for thread in others:
        thread.start()
    time.sleep(0)
    print("closed", connection.closed)
    ask(main, "SELECT pg_advisory_unlock(8)")
    for thread in (asking, *others):
        thread.join()
    print("closed", connection.closed)


if __name__ == "__main__":
    globals()[sys.argv[2]]()
