"""The drivers of MySQL, by name, and where the server is."""

import os
import re
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

DRIVERS = {"pymysql": "pymysql", "mysqlclient": "MySQLdb", "connector": "mysql.connector"}
SERVER = urlsplit(os.environ["WEFT_MYSQL_URL"])
PLACE = {
    "host": SERVER.hostname,
    "port": SERVER.port,
    "user": SERVER.username,
    "password": SERVER.password,
    "database": SERVER.path[1:],
}


# PyMySQL otherwise reads all the certificates of the system for each connection: 25 ms.
OWN = {"pymysql": {"ssl_disabled": True}}


def module(driver):
    return import_module(DRIVERS[driver])


def connect(driver, **options):
    options = {"charset": "utf8mb4", **PLACE, **OWN.get(driver, {}), **options}
    return module(driver).connect(**options)


def ask(connection, query, *words):
    """The rows of an answer."""
    cursor = connection.cursor()
    cursor.execute(query, words)
    rows = cursor.fetchall()
    cursor.close()
    return list(rows)


def running(connection, query):
    """How many connections of the server are busy with a query of this beginning."""
    [[count]] = ask(
        connection,
        "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE %s",
        f"{query}%",
    )
    return count


def os_threads():
    """How many this process has."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"^Threads:\s+(\d+)$", status, re.MULTILINE)[1])
