"""What pools of psycopg and psycopg2 are worth after cuts and a crash: `pg_cut.py psycopg cut`"""

import importlib
import logging
import os
import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import weft

URL = os.environ["WEFT_POSTGRESQL_URL"]
SLOTS = 5
driver = importlib.import_module(sys.argv[1])


class Pool:
    """What they have in common."""

    def ready(self):
        """Wait until the pool has found out that the server is back."""


class Own(Pool):
    """What asks by the driver itself."""

    error = driver.Error

    @staticmethod
    def ask(connection, query, *words):
        with connection.cursor() as cursor:
            cursor.execute(query, words)
            return cursor.fetchone() if cursor.description else None


class Psycopg(Own):
    """psycopg_pool's own."""

    def __init__(self):
        pool = importlib.import_module("psycopg_pool")
        self.pool = pool.ConnectionPool(URL, min_size=SLOTS, max_size=SLOTS, timeout=1, open=False)
        self.pool.open(wait=True, timeout=30)
        self.connection = self.pool.connection
        # That it cannot reconnect, which is known.
        logging.disable(logging.WARNING)

    def ready(self):
        self.pool.wait(30)


class Psycopg2(Own):
    """psycopg2's own, which raises when it is empty; so a semaphore lets no more in."""

    def __init__(self):
        pool = importlib.import_module("psycopg2.pool")
        self.pool = pool.ThreadedConnectionPool(SLOTS, SLOTS, URL)
        self.places = threading.BoundedSemaphore(SLOTS)

    @contextmanager
    def connection(self):
        with self.places:
            connection = self.pool.getconn()
            try:
                with connection:
                    yield connection
            finally:
                self.pool.putconn(connection)


class Alchemy(Pool):
    """SQLAlchemy's, over either driver."""

    def __init__(self):
        alchemy = importlib.import_module("sqlalchemy")
        url = URL.replace("postgresql:", f"postgresql+{sys.argv[1]}:")
        engine = alchemy.create_engine(url, pool_size=SLOTS, max_overflow=0, pool_pre_ping=True)
        self.error = alchemy.exc.OperationalError
        self.connection = engine.begin

    @staticmethod
    def ask(connection, query, *words):
        result = connection.exec_driver_sql(query, words)
        return result.fetchone() if result.returns_rows else None


POOLS = {"own": {"psycopg": Psycopg, "psycopg2": Psycopg2}[sys.argv[1]], "alchemy": Alchemy}


def whole(pool):
    """Whether every slot can be had at once, and each connection answers its own question."""
    met = threading.Barrier(SLOTS, timeout=30)

    def use(number):
        with pool.connection() as connection:
            met.wait()
            return pool.ask(connection, "SELECT %s::integer", number)[0]

    with ThreadPoolExecutor(SLOTS) as threads:
        return list(threads.map(use, range(SLOTS))) == list(range(SLOTS))


def cuts():
    pool = POOLS[sys.argv[3]]()
    cut(pool)
    cancelled(pool)


def cut(pool):
    """Requests cut anywhere: while they wait for a slot, for an answer, to commit, to roll back."""
    chance = random.Random(5)
    wrong, cuts = [], []

    def work(worker):
        for number in range(10):
            question = worker * 100 + number
            limit = weft.move_on_after(chance.choice([0.001, 0.005, 0.02, 0.2]))
            with limit, pool.connection() as connection:
                query = "SELECT %s::integer, pg_sleep(%s), repeat('x', 50000)"
                answer = pool.ask(connection, query, question, chance.choice([0, 0.003]))
                if answer[0] != question:
                    wrong.append(answer[0])
            cuts.append(limit.expired)

    with ThreadPoolExecutor(30) as threads:
        list(threads.map(work, range(30)))
    print("cut", any(cuts), "not cut", not all(cuts), "wrong", wrong, "whole", whole(pool))


def cancelled(pool):
    """Tasks cancelled in the midst of a query, and while they wait for a slot."""
    query = f"SELECT pg_sleep(60), {os.getpid()}"
    count = (
        f"SELECT count(*) FROM pg_stat_activity WHERE query = '{query}' AND wait_event = 'PgSleep'"
    )

    def work():
        with pool.connection() as connection:
            pool.ask(connection, query)

    with weft.group() as group:
        tasks = [group.spawn(work) for _ in range(3 * SLOTS)]
        main = driver.connect(URL)
        while Own.ask(main, count)[0] < SLOTS:
            main.rollback()
        for task in tasks:
            task.cancel()
    ended = [type(task.exception) for task in tasks]
    print("cancelled", set(ended) == {weft.Cancelled}, "whole", whole(pool))
    try:
        with weft.timeout(0.05), pool.connection() as connection:
            pool.ask(connection, "SELECT pg_sleep(60)")
    except TimeoutError as error:
        print(type(error).__module__, type(error).__name__)
    try:
        with pool.connection() as connection:
            pool.ask(connection, "SELECT set_config('statement_timeout', '50', true)")
            pool.ask(connection, "SELECT pg_sleep(60)")
    except pool.error as error:
        print("the server's:", "statement timeout" in str(error))
    print("whole", whole(pool))


def outage():
    """Rows from many workers through a crash: acknowledged ones are there, and each once."""
    pool = POOLS[sys.argv[3]]()
    with pool.connection() as connection:
        pool.ask(connection, "DROP TABLE IF EXISTS rows")
        pool.ask(connection, "CREATE TABLE rows (worker integer, number integer)")
    errors, sure, unsure = set(), [], []
    met, back = threading.Barrier(31), threading.Event()

    def insert(*row):
        unsure.append(row)
        with pool.connection() as connection:
            pool.ask(connection, "INSERT INTO rows VALUES (%s, %s) RETURNING worker", *row)
        unsure.remove(row)
        sure.append(row)
        if len(sure) == 300:
            print("at work", flush=True)

    def work(worker):
        number = 0
        try:
            while True:
                number += 1
                insert(worker, number)
        except pool.error as error:
            errors.add(type(error).__name__)
        met.wait()
        back.wait()
        for number in range(1_000_000, 1_000_005):
            insert(worker, number)

    with ThreadPoolExecutor(30) as threads:
        jobs = [threads.submit(work, worker) for worker in range(30)]
        met.wait()
        print("all failed", flush=True)
        sys.stdin.readline()
        pool.ready()
        back.set()
        for job in jobs:
            job.result()
    with driver.connect(URL) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT worker, number FROM rows")
        rows = cursor.fetchall()
    print(*sorted(errors))
    print("each once", len(rows) == len(set(rows)))
    print("nothing lost", set(sure) <= set(rows), "nothing made up", set(rows) <= {*sure, *unsure})
    print("whole", whole(pool))


if __name__ == "__main__":
    globals()[sys.argv[2]]()
