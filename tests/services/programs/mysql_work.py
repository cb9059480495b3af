"""What a MySQL driver does when all is well: `mysql_work.py pymysql answers` ..."""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal

from mysql_drivers import ask, connect, module, os_threads, running

WORKERS = 200
ROWS = 5000
DRIVER = sys.argv[1]
TABLE = f"work_{DRIVER}"


def make_table(connection, columns):
    ask(connection, f"DROP TABLE IF EXISTS {TABLE}")
    ask(connection, f"CREATE TABLE {TABLE} ({columns}) ENGINE=InnoDB")


def answers():
    """Types, many rows at once and one by one, transactions, errors."""
    connection = connect(DRIVER)
    make_table(connection, "n INT PRIMARY KEY, t TEXT, b BLOB, f DOUBLE, e DECIMAL(20,4), "
               "d DATE, w DATETIME(6)")  # fmt: skip
    insert = f"INSERT INTO {TABLE} VALUES (%s, %s, %s, %s, %s, %s, %s)"
    row = (1, "naïve € 😀 '\"\\%", bytes(range(256)), 0.1, Decimal("1234567890123456.7891"),
           date(2024, 2, 29), datetime(2024, 2, 29, 23, 59, 59, 123456))  # fmt: skip
    ask(connection, insert, *row)
    ask(connection, insert, 2, *[None] * 6)
    print("types", ask(connection, f"SELECT * FROM {TABLE} ORDER BY n") == [row, (2, *[None] * 6)])
    connection.commit()
    many = [(n, f"row {n} " * 20, *row[2:]) for n in range(10, 10 + ROWS)]
    cursor = connection.cursor()
    cursor.executemany(insert, many)
    print("made", cursor.rowcount)
    cursor.execute(f"SELECT * FROM {TABLE} WHERE n >= 10 ORDER BY n")
    print("read", [tuple(each) for each in cursor.fetchall()] == many)
    print("streamed", [tuple(each) for each in streamed(connection)] == many)
    connection.rollback()
    ask(connection, f"UPDATE {TABLE} SET t = 'kept' WHERE n = 2")
    connection.commit()
    print("kept", ask(connect(DRIVER), f"SELECT n, t FROM {TABLE} WHERE n > 1"))
    for query in (f"INSERT INTO {TABLE} (n) VALUES (1)", "SELEKT 1", "SELECT * FROM nowhere"):
        try:
            ask(connection, query)
        except module(DRIVER).Error as error:
            print(type(error).__name__, error.args[0])


def streamed(connection):
    """The many rows, read from the server as they are asked for."""
    kinds = {"pymysql": "SSCursor", "mysqlclient": "SSCursor"}
    if DRIVER in kinds:
        kind = getattr(__import__(module(DRIVER).__name__ + ".cursors").cursors, kinds[DRIVER])
        cursor = connection.cursor(kind)
    else:
        cursor = connection.cursor(buffered=False)
    cursor.execute(f"SELECT * FROM {TABLE} WHERE n >= 10 ORDER BY n")
    yield cursor.fetchone()
    while rows := cursor.fetchmany(1000):
        yield from rows
    cursor.close()


def meeting():
    """Workers who wait for one row's lock: it is let go when the server has them all waiting."""
    keeper, watcher = connect(DRIVER), connect(DRIVER, autocommit=True)
    make_table(keeper, "n INT PRIMARY KEY")
    ask(keeper, f"INSERT INTO {TABLE} VALUES (1)")
    keeper.commit()
    ask(keeper, f"SELECT n FROM {TABLE} FOR UPDATE")
    query = f"SELECT n, %s FROM {TABLE} LOCK IN SHARE MODE"
    connections = {}

    def work(number):
        connections[number] = connect(DRIVER)
        answer = ask(connections[number], query, number)
        connections[number].commit()
        return answer == [(1, number)]

    with ThreadPoolExecutor(WORKERS) as threads:
        jobs = [threads.submit(work, number) for number in range(WORKERS)]
        # Threads that connected somebody go soon after.
        while running(watcher, query[:10]) < WORKERS or os_threads() > 4:
            time.sleep(0)
        print("threads", os_threads())
        keeper.rollback()
        print("own answers", all(job.result() for job in jobs))
    ratio(list(connections.values()))


def ratio(connections):
    """How long all sleep on the server, over how long one does."""
    took = []
    for sleepers in connections[:1], connections:
        ready = threading.Barrier(len(sleepers) + 1)

        def work(connection, ready=ready):
            ready.wait()
            ask(connection, "SELECT SLEEP(0.5)")

        threads = [threading.Thread(target=work, args=(each,)) for each in sleepers]
        for thread in threads:
            thread.start()
        ready.wait()
        began = time.monotonic()
        for thread in threads:
            thread.join()
        took.append(time.monotonic() - began)
    print(f"{WORKERS} workers took {took[1] / took[0]:.2f} times as long as one")


if __name__ == "__main__":
    globals()[sys.argv[2]]()
