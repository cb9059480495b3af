"""What ``weft doctor`` says about the packages it finds installed: a table, and who reads it.

A sentence here is a claim about somebody else's code. State what it waits with, and what the
program can do; say nothing that has not been looked up in its source or tried.
"""

from __future__ import annotations

import re
from importlib.metadata import distributions
from importlib.util import find_spec
from typing import NamedTuple

COOPERATIVE = "Cooperative as they are, once patched"
INTEGRATED = "Cooperative by weft's integration, applied when they are imported after the patch"
WAITS = "Wait in C, and every task of the thread with them"
MIND = "To be minded"

SOCKETS = "Waits in Python's sockets."
ASYNCIO = "Runs on asyncio: the task that runs the loop waits, the others go on."
AS_BENEATH = "Waits as the driver beneath it does; its pools and locks are cooperative."
COMPUTES = (
    "Computes in C: nothing else runs in its thread meanwhile. Long calls: weft.offload where it "
    "releases the GIL, weft.parallel where it does not."
)
OFFLOAD = "Waits in C. weft cannot change that: call it through weft.offload."


class Driver(NamedTuple):
    """What is to be said of a distribution."""

    names: str  # of distributions, in small letters, with spaces between
    group: str
    text: str
    # A module that must be there, with "!" before it one that must not: which of several builds
    # of the distribution this is about.
    given: str = ""


TABLE = [
    Driver("requests urllib3 httpcore boto3 botocore websocket-client dnspython", COOPERATIVE,
           SOCKETS),
    Driver("httpx", COOPERATIVE,
           "Its Client waits in Python's sockets, its AsyncClient in asyncio."),
    Driver("aiohttp asyncpg aiomysql aiokafka nats-py asyncssh tornado", COOPERATIVE, ASYNCIO),
    Driver("pg8000 ldap3 clickhouse-driver", COOPERATIVE, SOCKETS),
    Driver("redis", COOPERATIVE, f"{SOCKETS} hiredis only parses."),
    Driver("pika", INTEGRATED,
           "Waits in epoll, poll or select. A request that is cancelled costs its channel. "
           "Heartbeats go out only while a task runs process_data_events, start_consuming or "
           "the ioloop."),
    Driver("amqp", INTEGRATED,
           f"{SOCKETS} A request that is cancelled costs its connection; drain_events may be "
           "cancelled. Heartbeats go out only when a task calls heartbeat_tick."),
    Driver("kombu", INTEGRATED,
           "Waits as its transport does: with amqp or redis, in Python's sockets. A cancelled task "
           "costs a pool no slot."),
    Driver("celery", COOPERATIVE,
           "Waits as its transport does: with amqp or redis, in Python's sockets."),
    Driver("kafka-python", COOPERATIVE, "Waits in selectors, and in threads that are tasks."),
    Driver("pymongo", COOPERATIVE,
           f"{SOCKETS} Its monitoring threads are tasks, if it is imported after the patch."),
    Driver("paramiko", INTEGRATED,
           f"{SOCKETS} Each transport's thread is a task. The integration has a packet that is "
           "being sent go out whole when its task is cancelled."),
    Driver("fabric", COOPERATIVE, "Waits as paramiko and invoke do."),
    Driver("invoke", COOPERATIVE,
           "Waits for pipes, terminals and children. Its threads, three a command, are tasks."),
    Driver("twisted trio", COOPERATIVE,
           "Its loop waits in select or epoll, which are cooperative."),
    Driver("sqlalchemy django", COOPERATIVE, AS_BENEATH),
    Driver("flask werkzeug waitress", COOPERATIVE, f"{SOCKETS} Its threads are tasks."),
    Driver("pymysql", INTEGRATED,
           f"{SOCKETS} A connection cut off as it sends a query is closed, as the driver itself "
           "does with one cut off as it reads the answer."),
    Driver("mysql-connector-python", INTEGRATED,
           "connect() takes its Python part, which waits in Python's sockets, unless "
           "use_pure=False asks for the C extension, in which every task waits.",
           "_mysql_connector"),
    Driver("mysql-connector-python", COOPERATIVE, SOCKETS, "!_mysql_connector"),
    Driver("psycopg", INTEGRATED,
           "Waits in Python's select, with its C part too. A query that is cancelled is cancelled "
           "on the server, and the connection stays."),
    Driver("psycopg-pool", INTEGRATED,
           "Its threads are tasks. A cancelled task costs it no connection."),
    Driver("psycopg2 psycopg2-binary", INTEGRATED,
           "libpq's waits park the task. A query that is cancelled costs its connection. COPY and "
           "large objects it refuses then; host names are looked up in C."),
    Driver("pymemcache", INTEGRATED,
           f"{SOCKETS} A request that is cancelled costs its connection, and no slot of a pool."),
    Driver("python-memcached", INTEGRATED,
           f"{SOCKETS} A request that is cancelled costs its client's connections."),
    Driver("pylibmc", INTEGRATED,
           "Its calls are made in threads, as by weft.offload, one at a time for each client."),
    Driver("mysqlclient", INTEGRATED,
           "The server's answer is waited for on the hub, by any number of connections; connecting "
           "and reading rows are calls in threads, as by weft.offload."),
    Driver("pyodbc pymssql cx-oracle python-ldap ibm-db duckdb", WAITS, OFFLOAD),
    Driver("pycurl curl-cffi", WAITS, f"{OFFLOAD} For pycurl: weft.offload(curl.perform)."),
    Driver("oracledb", MIND,
           "Thin mode, the default, waits in Python's sockets. Thick mode waits in C: "
           "weft.offload."),
    Driver("grpcio", WAITS,
           "Waits in C, in threads that would be tasks and stop all others. One plain call goes "
           "through weft.offload(stub.Method, request); futures and streams need grpc.aio, or a "
           "process without the patch."),
    Driver("confluent-kafka", WAITS,
           "poll(seconds), consume() and flush() wait in C: weft.offload(consumer.poll, 1.0), or "
           "poll(0) and weft.sleep."),
    Driver("pyzmq", WAITS,
           "send, recv and poll wait in C. zmq.asyncio waits in asyncio; or weft.offload."),
    Driver("cassandra-driver scylla-driver", WAITS,
           "Its libev loop waits in C, in a thread that would be a task. Pass Cluster("
           "connection_class=cassandra.io.asyncioreactor.AsyncioConnection)."),
    Driver("uvloop", MIND,
           "A loop of its own, waiting in C: while it runs in a task, no other task of that thread "
           "does. asyncio's own loop is cooperative."),
    Driver("gevent eventlet", MIND,
           "Installed, which does no harm. A program that patches with it as well has two hubs, "
           "and each stops the other."),
    Driver("numpy scipy pandas torch tensorflow scikit-learn", MIND, COMPUTES),
]  # fmt: skip

SQLITE = (
    "Part of Python. Works in C on a file: the short queries cost little; long ones go through "
    "weft.offload, on a connection made with check_same_thread=False."
)


def installed() -> dict[str, list[tuple[str, str]]]:
    """What there is to say of this environment: for each group, packages with their sentence."""
    found: dict[str, list[tuple[str, str]]] = {}
    for group in (COOPERATIVE, INTEGRATED, WAITS, MIND):
        found[group] = []
    versions: dict[str, str] = {}
    for distribution in distributions():
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"] or "").lower()
        versions.setdefault(name, distribution.version)
    for driver in TABLE:
        for name in driver.names.split():
            if name in versions and holds(driver.given):
                found[driver.group].append((f"{name} {versions[name]}", driver.text))
    if find_spec("_sqlite3"):
        found[MIND].append(("sqlite3", SQLITE))
    return {group: sorted(entries) for group, entries in found.items()}


def holds(given: str) -> bool:
    """Whether each module named is there, or is not where "!" stands before it."""
    return all(
        (find_spec(each.removeprefix("!")) is None) == each.startswith("!")
        for each in given.split()
    )
