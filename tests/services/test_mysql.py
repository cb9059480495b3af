"""The drivers of MySQL on a real MariaDB, in both ways, with SQLAlchemy and Django on them."""

import subprocess

import pytest

DRIVERS = ["pymysql", "mysqlclient", "connector"]
#: Django's backend for each.
BACKENDS = {
    "pymysql": "django.db.backends.mysql",
    "mysqlclient": "django.db.backends.mysql",
    "connector": "mysql.connector.django",
}

pytestmark = pytest.mark.usefixtures("mariadb")


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    return request.param


class TestWork:
    def test_types_rows_transactions_and_errors(self, run, way, driver) -> None:
        assert run(way, "mysql_work.py", driver, "answers") == [
            "types True",
            "made 5000",
            "read True",
            "streamed True",
            "kept [(2, 'kept')]",
            "IntegrityError 1062",
            "ProgrammingError 1064",
            "ProgrammingError 1146",
        ]

    def test_workers_wait_side_by_side(self, run, way, driver) -> None:
        threads, answers, ratio = run(way, "mysql_work.py", driver, "meeting")
        print(way, driver, ratio)
        assert int(threads.split()[-1]) <= 4
        assert answers == "own answers True"

    def test_django(self, run, way, driver) -> None:
        assert run(way, "mysql_django.py", BACKENDS[driver], driver) == [
            "types True",
            "made 1000",
            "kept 0",
            "connections 200 added 200.00",
            "cut True",
            "kept 0 1",
        ]


class TestCuts:
    def test_a_cut_connection_gives_nobody_anothers_answer(self, run, way, driver) -> None:
        assert run(way, "mysql_cut.py", driver, "raw") == [
            "cut True not cut True ended True wrong []",
            "left True",
        ]

    def test_a_question_cut_off_is_not_finished_by_the_next(self, run, way, driver) -> None:
        assert run(way, "mysql_cut.py", driver, "questions") == ["cut True not cut True wrong []"]

    def test_a_connection_makes_one_call_at_a_time(self, run, way) -> None:
        assert run(way, "mysql_cut.py", "mysqlclient", "shared") == ["in turn True [(1,)]"]

    def test_cuts_anywhere_leave_sqlalchemys_pool_whole(self, run, way, driver) -> None:
        assert run(way, "mysql_cut.py", driver, "pooled") == [
            "cut True not cut True wrong [] whole True"
        ]

    def test_timeouts_of_the_driver_of_weft_and_of_the_pool(self, run, way, driver) -> None:
        own = ["OperationalError whole True"] if driver != "connector" else []
        assert run(way, "mysql_cut.py", driver, "timeouts") == [
            *own,
            "TimeoutError whole True",
            "TimeoutError",
            "whole True",
        ]

    def test_cancelled_in_queries_and_in_the_pools_queue(self, run, way, driver) -> None:
        assert run(way, "mysql_cut.py", driver, "cancelled") == ["whole True"]

    def test_cuts_anywhere_leave_the_connectors_pool_whole(self, run, way) -> None:
        assert run(way, "mysql_cut.py", "connector", "connectors_pool") == [
            "cut True not cut True wrong [] whole True",
            "Failed getting connection; pool exhausted",
        ]


def test_a_crash_loses_and_makes_up_no_row(mariadb, start, finish, way, driver) -> None:
    program = start(way, "mysql_crash.py", driver, stdin=subprocess.PIPE)
    assert program.stdout.readline() == "at work\n"
    mariadb.kill()
    assert program.stdout.readline() == "all failed\n"
    mariadb.start()
    program.stdin.write("go on\n")
    program.stdin.flush()
    errors, *found, count = finish(program)
    print(way, driver, count)
    assert set(errors.split()) <= {"OperationalError", "InterfaceError"}
    assert found == [
        "acknowledged True whole True",
        "lost set() made up set()",
        "in doubt at most once each True",
    ]
