"""Jobs and results, in SQL that MySQL and SQLite both speak."""

from collections.abc import Iterable
from typing import Any, Protocol

from fleet.errors import FleetError
from fleet.jobs import Job, Result

# One result a job and host, by the key: whoever records a second one is told.
TABLES = [
    """CREATE TABLE IF NOT EXISTS fleet_jobs (
         number INTEGER PRIMARY KEY AUTO_INCREMENT, command TEXT NOT NULL,
         hosts INTEGER NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS fleet_results (
         job INTEGER NOT NULL, host VARCHAR(210) NOT NULL, status INTEGER, seconds DOUBLE NOT NULL,
         output MEDIUMTEXT NOT NULL, PRIMARY KEY (job, host))""",
]


class Database(Protocol):
    """Each statement is a transaction, committed when the call returns."""

    Duplicate: type[Exception]

    def create(self, table: str) -> None: ...
    def insert(self, sql: str, *values: object) -> int: ...
    def run(self, sql: str, *values: object) -> list[tuple[Any, ...]]: ...


class Store:
    def __init__(self, database: Database) -> None:
        self.database = database
        for table in TABLES:
            database.create(table)

    def new_job(self, command: str, hosts: Iterable[str]) -> Job:
        count = len(list(hosts))
        sql = "INSERT INTO fleet_jobs (command, hosts) VALUES (%s, %s)"
        return Job(self.database.insert(sql, command, count), command, count)

    def job(self, number: int) -> Job:
        rows = self.database.run("SELECT * FROM fleet_jobs WHERE number = %s", number)
        if not rows:
            raise FleetError(f"there is no job {number}")
        return Job(*rows[0])

    def record(self, result: Result) -> Result:
        """Keep a result, unless there is one already; the one that is kept."""
        sql = "INSERT INTO fleet_results VALUES (%s, %s, %s, %s, %s)"
        try:
            self.database.insert(sql, *result)
        except self.database.Duplicate:
            return self.find(result.job, result.host) or result
        return result

    def find(self, job: int, host: str) -> Result | None:
        sql = "SELECT * FROM fleet_results WHERE job = %s AND host = %s"
        rows = self.database.run(sql, job, host)
        return Result(*rows[0]) if rows else None

    def results(self, job: int) -> list[Result]:
        """All results of a job, with no more than the beginning of each output."""
        sql = (
            "SELECT job, host, status, seconds, SUBSTR(output, 1, 200) FROM fleet_results "
            "WHERE job = %s ORDER BY host"
        )
        return [Result(*row) for row in self.database.run(sql, job)]
