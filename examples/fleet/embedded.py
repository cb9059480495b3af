"""What stands in for the servers: queue, live status, facts and the store's tables in one file.

Several processes may use the file at once, so `fleet run` and `fleet worker` work from two shells.
"""

import sqlite3
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import weft
from fleet.errors import patiently, reaching
from fleet.jobs import Delivery, Task

LEASE = 5.0  # seconds after which the tasks of a worker that says no more are another's
TABLES = [
    """CREATE TABLE IF NOT EXISTS queue (
         number INTEGER PRIMARY KEY, message BLOB NOT NULL, worker TEXT, leased_until REAL)""",
    "CREATE TABLE IF NOT EXISTS live (job INTEGER, host TEXT, state TEXT, PRIMARY KEY (job, host))",
    "CREATE TABLE IF NOT EXISTS facts (host TEXT PRIMARY KEY, text TEXT, until REAL)",
]


class SQLite:
    """One connection, lent to one task at a time."""

    Duplicate = sqlite3.IntegrityError

    def __init__(self, path: str) -> None:
        self._name = f"SQLite file {path}"
        self._turn = threading.Lock()
        with reaching(self._name, sqlite3.OperationalError):
            self._connection = sqlite3.connect(
                path, timeout=30, isolation_level=None, check_same_thread=False
            )
        # Readers need not wait for a writer, and a commit not for the disk: after a power failure
        # the last results may be missing, but then their tasks are in the queue again.
        self.run("PRAGMA journal_mode = WAL")
        self.run("PRAGMA synchronous = NORMAL")
        for table in TABLES:
            self.create(table)

    def create(self, table: str) -> None:
        self.run(table.replace("AUTO_INCREMENT", ""))

    def insert(self, sql: str, *values: object) -> int:
        return self._offload(sql, values)[0]

    def run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self._offload(sql, values)[1]

    def _offload(self, sql: str, values: tuple[object, ...]) -> tuple[int, list[tuple[Any, ...]]]:
        # It waits in C, for the disk and for the locks of other processes: in an OS thread, that
        # our other tasks go on. Shielded, since the thread has the connection until it is through.
        with self._turn, weft.shield(), reaching(self._name, sqlite3.OperationalError):
            return weft.offload(self._execute, sql.replace("%s", "?"), values)

    def _execute(self, sql: str, values: tuple[object, ...]) -> tuple[int, list[tuple[Any, ...]]]:
        cursor = self._connection.execute(sql, values)
        rows = cursor.fetchall()  # a statement is committed once its last row is read
        return cursor.lastrowid or 0, rows


class LeaseQueue:
    """Tasks are leased to a worker, which renews its leases while it lives."""

    def __init__(self, file: SQLite) -> None:
        self.file = file
        self._worker = uuid.uuid4().hex
        self._stopped = threading.Event()
        self._closed = threading.Event()

    def put(self, tasks: Iterable[Task]) -> None:
        for task in tasks:
            self.file.run("INSERT INTO queue (message) VALUES (%s)", task.encode())

    def deliveries(self, limit: int) -> Iterator[Delivery]:
        """Take tasks until :meth:`stop`; whoever iterates bounds how many are under way."""
        threading.Thread(target=self._renew, daemon=True).start()
        return self._taken()

    def _taken(self) -> Iterator[Delivery]:
        while not self._stopped.is_set():
            now = time.time()
            rows = self.file.run(
                "UPDATE queue SET worker = %s, leased_until = %s WHERE number = (SELECT number "
                "FROM queue WHERE coalesce(leased_until, 0) < %s ORDER BY number LIMIT 1) "
                "RETURNING number, message",
                *(self._worker, now + LEASE, now),
            )
            for number, message in rows:
                done, give_back = partial(self._done, number), partial(self._give_back, number)
                yield Delivery(Task.decode(message), done, give_back)
            if not rows:
                self._stopped.wait(0.2)

    def stop(self) -> None:
        """Take no more tasks; those that were taken stay ours."""
        self._stopped.set()

    def close(self) -> None:
        self._closed.set()

    def _done(self, number: int) -> None:
        self.file.run("DELETE FROM queue WHERE number = %s", number)

    def _give_back(self, number: int) -> None:
        sql = "UPDATE queue SET leased_until = 0 WHERE number = %s AND worker = %s"
        self.file.run(sql, number, self._worker)

    def _renew(self) -> None:
        while not self._closed.wait(LEASE / 5):
            sql = "UPDATE queue SET leased_until = %s WHERE worker = %s AND leased_until > 0"
            patiently(self.file.run, sql, time.time() + LEASE, self._worker)


class FileLive:
    def __init__(self, file: SQLite) -> None:
        self.file = file

    def begin(self, job: int, hosts: Iterable[str]) -> None:
        for host in hosts:
            self.set(job, host, "queued")

    def set(self, job: int, host: str, state: str) -> None:
        self.file.run("REPLACE INTO live VALUES (%s, %s, %s)", job, host, state)

    def states(self, job: int) -> dict[str, str]:
        return dict(self.file.run("SELECT host, state FROM live WHERE job = %s", job))


class FileFacts:
    def __init__(self, file: SQLite, seconds: float) -> None:
        self.file = file
        self.seconds = seconds

    def get(self, host: str) -> str | None:
        sql = "SELECT text FROM facts WHERE host = %s AND until > %s"
        rows = self.file.run(sql, host, time.time())
        return rows[0][0] if rows else None

    def put(self, host: str, text: str) -> None:
        self.file.run(
            "REPLACE INTO facts VALUES (%s, %s, %s)", host, text, time.time() + self.seconds
        )
