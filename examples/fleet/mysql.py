"""MySQL through PyMySQL, with a small pool."""

from collections.abc import Iterator
from contextlib import contextmanager
from queue import LifoQueue
from typing import Any
from urllib.parse import SplitResult, unquote

import pymysql

from fleet.errors import reaching

SIZE = 8  # connections; fifty tasks take turns, each needs one for a few milliseconds


class MySQL:
    Duplicate = pymysql.IntegrityError

    def __init__(self, url: SplitResult) -> None:
        self._url = url
        self._name = f"MySQL at {url.hostname}:{url.port or 3306}"
        self._idle: LifoQueue[pymysql.Connection | None] = LifoQueue()
        for _ in range(SIZE):
            self._idle.put(None)  # a place, to be filled when it is needed

    def create(self, table: str) -> None:
        self.run(f"{table} CHARACTER SET utf8mb4")

    def insert(self, sql: str, *values: object) -> int:
        with self._lent() as connection, connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.lastrowid

    def run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lent() as connection, connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    @contextmanager
    def _lent(self) -> Iterator[pymysql.Connection]:
        connection = self._idle.get()
        try:
            with reaching(self._name, pymysql.OperationalError, pymysql.InterfaceError, OSError):
                connection = connection or self._connect()
                yield connection
        except self.Duplicate:
            raise  # an answer like any other
        except BaseException:
            # Broken, or left in the middle of an answer, which would be the next one's.
            if connection:
                connection.close()
                connection = None
            raise
        finally:
            self._idle.put(connection)

    def _connect(self) -> pymysql.Connection:
        return pymysql.connect(
            host=self._url.hostname,
            port=self._url.port or 3306,
            user=unquote(self._url.username or "root"),
            password=unquote(self._url.password or ""),
            database=self._url.path.strip("/") or "fleet",
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=5,
            read_timeout=30,
            write_timeout=30,
        )
