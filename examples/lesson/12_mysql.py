"""MySQL: rows, transactions, and a pool for 100 tasks
MySQL：数据行、事务，以及 100 个任务共用的连接池

PyMySQL is plain blocking code: `execute` returns when the server has answered. Under `weft run`
only the task that asked waits; the others go on. Nothing in the driver or in this program is
changed for that.

Tasks are cheap, connections are not, and a connection serves one task at a time. So a hundred
tasks share ten: whoever finds the pool empty waits until somebody gives one back. What belongs
together goes into a transaction: all of it is done, or nothing.

PyMySQL 是普通的阻塞代码：服务器回答了，`execute` 才返回。在 `weft run` 下，只有提问的任务在等，
别的任务继续运行。驱动和这个程序都不用为此改动。

任务很便宜，连接不便宜，而且一个连接同一时刻只能为一个任务服务。所以一百个任务共用十个连接：
谁发现池子空了，就等别人还回来。必须一起完成的操作放进一个事务：要么全部完成，要么什么都没做。

Run: weft run examples/lesson/12_mysql.py
Needs: mariadb
Packages: pymysql
"""

import os
import queue
import sys
import time
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

import pymysql

import weft

URL = os.environ.get("WEFT_MYSQL_URL") or sys.exit(
    "WEFT_MYSQL_URL is not set: run this by `weft lesson 12`, which starts a server, or after "
    "`make services`"
)
SERVER = urlsplit(URL)
TABLE = "weft_lesson_accounts"
TASKS, CONNECTIONS, SECONDS = 100, 10, 0.1


def connect():
    place = {"host": SERVER.hostname, "port": SERVER.port or 3306, "database": SERVER.path[1:]}
    login = {"user": SERVER.username, "password": unquote(SERVER.password or "")}
    return pymysql.connect(**place, **login, ssl_disabled=True)


def create_and_query(connection):
    # A cursor sends queries, and holds the rows that come back.
    # 游标负责发送查询，并保存返回的行。
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")
        cursor.execute(f"CREATE TABLE {TABLE} (name VARCHAR(40) PRIMARY KEY, coins INT NOT NULL)")
        # Values go beside the query, never into its text: the driver quotes them.
        # 值要放在查询语句旁边，绝不要拼进语句里：由驱动负责转义。
        guests = [(f"guest {number}", number % 10) for number in range(1000)]
        cursor.executemany(f"INSERT INTO {TABLE} VALUES (%s, %s)", [("Ann", 100), *guests])
        print(f"inserted {cursor.rowcount} rows")
        # Nobody else sees them before they are committed.
        # 提交之前，别人看不到这些行。
        connection.commit()
        cursor.execute(f"SELECT COUNT(*), SUM(coins) FROM {TABLE} WHERE coins >= %s", (8,))
        print("at least 8 coins: {} rows, {} coins".format(*cursor.fetchone()))
        cursor.execute(f"SELECT name, coins FROM {TABLE} ORDER BY coins DESC, name LIMIT 3")
        print("most coins:", *cursor.fetchall())


def coins_of(connection, *names):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT name, coins FROM {TABLE} WHERE name IN %s ORDER BY name", (names,))
        # A transaction sees the rows as they were when it began: end this one.
        # 事务看到的是它开始时的数据：到此结束这一个。
        connection.commit()
        return ", ".join(f"{name} has {coins}" for name, coins in cursor.fetchall())


def pay(connection, payer, receiver, coins):
    """Move coins: two updates that are both done, or neither."""
    try:
        with connection.cursor() as cursor:
            change = f"UPDATE {TABLE} SET coins = coins + %s WHERE name = %s"
            cursor.execute(change, (-coins, payer))
            if cursor.execute(change, (coins, receiver)) == 0:
                raise LookupError(f"nobody is called {receiver}")
        connection.commit()
    except LookupError:
        connection.rollback()
        raise


@contextmanager
def lent(pool):
    """A connection of the pool's, for as long as the block runs."""
    # If none is there this task waits, and only this task.
    # 如果没有空闲的连接，就在这里等，也只有这个任务在等。
    connection = pool.get()
    try:
        if not connection.open:
            connection.connect()
        yield connection
    except BaseException:
        # It may be in the middle of an answer: close it, lest the next one read the rest.
        # 它可能停在一个回答的中间：关掉它，免得下一个任务读到剩下的部分。
        connection.close()
        raise
    finally:
        pool.put(connection)


def visit(pool, number):
    with lent(pool) as connection, connection.cursor() as cursor:
        # The server takes its time, as for a long query.
        # 服务器要花一段时间，就像执行一个很慢的查询。
        cursor.execute("SELECT SLEEP(%s)", (SECONDS,))
        pay(connection, "Ann", f"guest {number}", 1)
        return connection.thread_id()


def main(connection):
    print("-- create, insert, query")
    create_and_query(connection)

    print("-- a transaction")
    pay(connection, "guest 9", "Ann", 5)
    print("paid:       ", coins_of(connection, "Ann", "guest 9"))
    try:
        pay(connection, "guest 9", "guest 1000", 4)
    except LookupError as error:
        print("rolled back:", coins_of(connection, "Ann", "guest 9"), f"({error})")

    print(f"-- {TASKS} tasks, {CONNECTIONS} connections, queries of {SECONDS} s")
    pool = queue.Queue()
    for _ in range(CONNECTIONS):
        pool.put(connect())
    began = time.perf_counter()
    used = set(weft.map(lambda number: visit(pool, number), range(TASKS)))
    took = time.perf_counter() - began
    print(f"{TASKS} payments by {len(used)} connections")
    print(f"one after another: {TASKS * SECONDS:.0f} s; through the pool: {took:.0f} s")
    print(coins_of(connection, "Ann", "guest 0", "guest 99"))
    while not pool.empty():
        pool.get().close()


if __name__ == "__main__":
    with connect() as connection:
        try:
            main(connection)
        finally:
            connection.cursor().execute(f"DROP TABLE IF EXISTS {TABLE}")
