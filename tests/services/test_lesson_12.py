"""Chapter 12 on a real MariaDB: what is rolled back was never done, and a pool is shared."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pymysql

CHAPTER = Path(__file__).parents[2] / "examples" / "lesson" / "12_mysql.py"


def test_rows_transactions_and_a_pool(way, run, mariadb) -> None:
    lines = run(way, CHAPTER)
    assert lines[:4] == [
        "-- create, insert, query",
        "inserted 1001 rows",
        "at least 8 coins: 201 rows, 1800 coins",
        "most coins: ('Ann', 100) ('guest 109', 9) ('guest 119', 9)",
    ]
    _, paid, rolled_back = lines[4:7]
    assert paid.split(None, 1)[1] == "Ann has 105, guest 9 has 4"
    # The first of its two updates was undone.
    assert rolled_back.endswith("Ann has 105, guest 9 has 4 (nobody is called guest 1000)")
    _, payments, times, after = lines[7:]
    assert payments == "100 payments by 10 connections"
    slow, fast = map(int, re.findall(r"(\d+) s\b", times))
    assert slow == 10
    # Ten rounds of 0.1 s; somebody else may use the machine.
    assert 1 <= fast <= 5
    assert after == "Ann has 5, guest 0 has 1, guest 99 has 10"
    assert tables(mariadb.url) == []


def tables(url: str) -> list[str]:
    """What the chapter has left behind."""
    server = urlsplit(url)
    login = {"user": server.username, "password": server.password}
    with (
        pymysql.connect(host=server.hostname, port=server.port, **login) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT table_name FROM information_schema.tables "
                       "WHERE table_name LIKE 'weft_lesson%'")  # fmt: skip
        return [name for (name,) in cursor.fetchall()]
