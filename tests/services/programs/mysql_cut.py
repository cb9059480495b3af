"""What is left of connections cut in the middle of a query: `mysql_cut.py pymysql raw` ..."""

import logging
import random
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy
from mysql_drivers import OWN, SERVER, ask, connect, module, running
from sqlalchemy import text

import weft

# SQLAlchemy tells of each connection that it has to give up.
logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)

SLOTS = 5
DRIVER = sys.argv[1]
DIALECTS = {"pymysql": "pymysql", "mysqlclient": "mysqldb", "connector": "mysqlconnector"}
#: Long in coming, and long.
QUERY = "SELECT REPEAT('{0} ', 100000), SLEEP(0.005), {0} UNION ALL SELECT '', 0, {0}"
CUTS = [0.0005, 0.004, 0.006, 0.01, 10]


def make_engine(connect_args=None, **options):
    url = f"mysql+{DIALECTS[DRIVER]}://{SERVER.netloc}{SERVER.path}?charset=utf8mb4"
    arguments = OWN.get(DRIVER, {}) | (connect_args or {})
    options = {"pool_size": SLOTS, "max_overflow": 0, "connect_args": arguments, **options}
    return sqlalchemy.create_engine(url, **options)


def is_whole(engine):
    """Whether every slot can be had at once, and each connection answers its own question."""
    taken = [engine.connect() for _ in range(SLOTS)]
    answers = [each.scalar(text(f"SELECT {number}")) for number, each in enumerate(taken)]
    for connection in taken:
        connection.close()
    return engine.pool.checkedout() == 0 and answers == list(range(SLOTS))


def raw():
    """A connection cut anywhere has ended or answers the next question: never the one before."""
    chance = random.Random(5)
    cut, ended, wrong = [], [], []

    def work(worker):
        connection = connect(DRIVER)
        for number in range(100 * worker, 100 * worker + 10):
            with weft.move_on_after(chance.choice(CUTS)) as limit:
                ask(connection, QUERY.format(number))
            cut.append(limit.expired)
            try:
                answer = ask(connection, "SELECT %s", -number)
            except module(DRIVER).Error:
                ended.append(True)
                connection = connect(DRIVER)
            else:
                wrong.extend(answer if answer != [(-number,)] else [])

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(work, range(20)))
    print("cut", any(cut), "not cut", not all(cut), "ended", any(ended), "wrong", wrong)
    # One that accepts and says nothing.
    with socket.create_server(("127.0.0.1", 0)) as silent, weft.move_on_after(0.05) as limit:
        connect(DRIVER, port=silent.getsockname()[1])
    print("left", limit.expired)


def questions():
    """Cut while it sends a long query, a connection does not go on with the next one in it."""
    chance = random.Random(5)
    long = "x" * 8_000_000
    cut, wrong = [], []

    def work(worker):
        connection = connect(DRIVER)
        for number in range(5):
            with weft.move_on_after(chance.choice([0.001, 0.003, 0.01, 10])) as limit:
                ask(connection, f"SELECT LENGTH('{long}')")
            cut.append(limit.expired)
            try:
                answer = ask(connection, "SELECT %s", number)
            except module(DRIVER).Error:
                connection = connect(DRIVER)
            else:
                wrong.extend(answer if answer != [(number,)] else [])

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(work, range(3)))
    print("cut", any(cut), "not cut", not all(cut), "wrong", wrong)


def shared():
    """Tasks that call a connection of mysqlclient at the same time do it in turn."""
    connection, watcher = connect("mysqlclient"), connect("pymysql", autocommit=True)
    with ThreadPoolExecutor(10) as threads:
        asleep = threads.submit(connection.query, "DO SLEEP(0.3)")
        while not running(watcher, "DO SLEEP"):
            pass
        for job in [threads.submit(connection.ping) for _ in range(9)]:
            job.result()
        print("in turn", asleep.done(), ask(connection, "SELECT 1"))


def pooled():
    """SQLAlchemy's pool, its users cut as they wait for a slot, a connection, a commit."""
    engine = make_engine(pool_timeout=30)
    chance = random.Random(5)
    cut, wrong = [], []

    def work(worker):
        for number in range(100 * worker, 100 * worker + 10):
            with (
                weft.move_on_after(chance.choice(CUTS)) as limit,
                engine.begin() as connection,
            ):
                answer = connection.execute(text(QUERY.format(number))).all()
                wrong.extend(each[2] for each in answer if each[2] != number)
            cut.append(limit.expired)

    with ThreadPoolExecutor(30) as threads:
        list(threads.map(work, range(30)))
    print("cut", any(cut), "not cut", not all(cut), "wrong", wrong, "whole", is_whole(engine))


def timeouts():
    """The driver's own timeout, weft's, and the pool's."""
    # mysql-connector-python's own leaves half an answer in a connection that SQLAlchemy keeps.
    own = {"read_timeout": 1} if DRIVER != "connector" else {}
    engine = make_engine(pool_timeout=0.05, connect_args=own)
    for seconds in (None, 0.05) if own else (0.05,):
        try:
            with weft.timeout(seconds), engine.connect() as connection:
                connection.execute(text("SELECT SLEEP(2)"))
        except (sqlalchemy.exc.DBAPIError, TimeoutError) as error:
            print(type(getattr(error, "orig", error)).__name__, "whole", is_whole(engine))
    taken = [engine.connect() for _ in range(SLOTS)]
    try:
        engine.connect()
    except sqlalchemy.exc.TimeoutError as error:
        print(type(error).__name__)
    for connection in taken:
        connection.close()
    print("whole", is_whole(engine))


def cancelled():
    """Tasks cancelled as they wait for an answer and for a slot."""
    engine = make_engine(pool_timeout=30)
    watcher = connect(DRIVER, autocommit=True)

    def work():
        with engine.begin() as connection:
            connection.execute(text("SELECT SLEEP(1.5), 'cancelled'"))

    with weft.group() as group:
        waiting = [group.spawn(work) for _ in range(3 * SLOTS)]
        while running(watcher, "SELECT SLEEP(1.5)") < SLOTS:
            pass
        for task in waiting:
            task.cancel()
    print("whole", is_whole(engine))


def connectors_pool():
    """The pool of mysql-connector-python, which takes back what it is given."""
    from mysql.connector.errors import OperationalError, PoolError
    from mysql.connector.pooling import MySQLConnectionPool
    from mysql_drivers import PLACE

    pool = MySQLConnectionPool(SLOTS, "five", charset="utf8mb4", **PLACE)
    chance = random.Random(5)
    cut, wrong = [], []

    def work(worker):
        for number in range(100 * worker, 100 * worker + 10):
            with weft.move_on_after(chance.choice(CUTS)) as limit:
                try:
                    with pool.get_connection() as connection:
                        answer = ask(connection, QUERY.format(number))
                except OperationalError:
                    # It finds the connection lost as it takes it back, and says only that.
                    cut.append(True)
                    continue
                wrong.extend(each[2] for each in answer if each[2] != number)
            cut.append(limit.expired)

    with ThreadPoolExecutor(SLOTS) as threads:
        list(threads.map(work, range(SLOTS)))
    taken = [pool.get_connection() for _ in range(SLOTS)]
    answers = [ask(each, "SELECT %s", number) for number, each in enumerate(taken)]
    whole = answers == [[(number,)] for number in range(SLOTS)]
    print("cut", any(cut), "not cut", not all(cut), "wrong", wrong, "whole", whole)
    try:
        pool.get_connection()
    except PoolError as error:
        print(error)


if __name__ == "__main__":
    globals()[sys.argv[2]]()
