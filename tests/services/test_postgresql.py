"""psycopg 3, psycopg2 and SQLAlchemy on a real PostgreSQL, in both ways of getting onto weft."""

import subprocess

import pytest

DRIVERS = ["psycopg", "psycopg2"]


@pytest.mark.usefixtures("postgresql")
class TestWork:
    @pytest.mark.parametrize("driver", DRIVERS)
    def test_transactions_cursors_and_errors(self, run, way, driver: str) -> None:
        assert run(way, "pg_work.py", driver, "basics") == [
            "rolled back (100, 'no 99')",
            "UniqueViolation 3",
            "rows 1250025000 50000",
            "named 10 990",
            "big True",
            "True",
        ]

    def test_copy_pipeline_notifications_and_asyncio(self, run, way) -> None:
        assert run(way, "pg_work.py", "psycopg", "more") == [
            "copied 10000",
            "pipeline (100,)",
            "notified hello",
            "none",
            "from asyncio",
        ]

    @pytest.mark.parametrize("driver", DRIVERS)
    def test_workers_wait_side_by_side(self, run, way, driver: str) -> None:
        threads, answers, ratio = run(way, "pg_work.py", driver, "meeting")
        print(way, driver, ratio)
        assert answers == "own answers True"
        assert int(threads.split()[-1]) <= 3

    def test_a_server_that_says_nothing_is_given_up(self, run, way) -> None:
        """libpq leaves connect_timeout to those who wait for it themselves."""
        lines = run(way, "pg_work.py", "psycopg", "silence")
        assert lines == ["(True, True) (True, True)"]

    def test_a_busy_connection_of_psycopg2_stops_nobody_else(self, run, way) -> None:
        """It holds a mutex while it waits, which close() wants too."""
        assert run(way, "pg_work.py", "psycopg2", "shared") == [
            "execute cannot be used while an asynchronous query is underway",
            "closed 0",
            "mine",
            "closed 1",
        ]


@pytest.mark.usefixtures("postgresql")
class TestPools:
    @pytest.mark.parametrize("pool", ["own", "alchemy"])
    @pytest.mark.parametrize("driver", DRIVERS)
    def test_cut_anywhere_a_pool_stays_whole(self, run, way, driver: str, pool: str) -> None:
        """gevent#1875: slots lost from pools."""
        assert run(way, "pg_cut.py", driver, "cuts", pool) == [
            "cut True not cut True wrong [] whole True",
            "cancelled True whole True",
            "builtins TimeoutError",
            "the server's: True",
            "whole True",
        ]

    @pytest.mark.parametrize(
        ("driver", "pool", "errors"),
        [
            ("psycopg", "own", "OperationalError PoolTimeout"),
            # Its `with connection` rolls back, on a connection that is gone.
            ("psycopg2", "own", "InterfaceError OperationalError"),
            ("psycopg", "alchemy", "OperationalError"),
        ],
    )
    def test_over_a_crash_nothing_is_lost_or_doubled(
        self, postgresql, start, finish, way, driver: str, pool: str, errors: str
    ) -> None:
        program = start(way, "pg_cut.py", driver, "outage", pool, stdin=subprocess.PIPE)
        assert program.stdout.readline() == "at work\n"
        postgresql.kill()
        assert program.stdout.readline() == "all failed\n"
        postgresql.start()
        program.stdin.write("go on\n")
        program.stdin.flush()
        assert finish(program) == [
            errors,
            "each once True",
            "nothing lost True nothing made up True",
            "whole True",
        ]
