"""Work through a crash of the server, and what is in its tables then: `mysql_crash.py pymysql`."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from mysql_drivers import ask, connect, module

DRIVER = sys.argv[1]
TABLE = f"crash_{DRIVER}"
WORKERS = 20
STEPS = 10
Error = module(DRIVER).Error

# What COMMIT acknowledged, and what nobody can know: the server was lost within COMMIT.
ledger, doubt = set(), set()
errors = set()
# All but those who only wait have done something; all have seen the crash; the server is back.
begun, failed = threading.Barrier(WORKERS + 1), threading.Barrier(2 * WORKERS + 1)
back = threading.Event()


def step(connection, worker, number):
    """A transaction of two rows."""
    insert = f"INSERT INTO {TABLE} (worker, step, half) VALUES (%s, %s, %s)"
    for half in (1, 2):
        ask(connection, insert, worker, number, half)
    try:
        connection.commit()
    except Error:
        doubt.add((worker, number))
        raise
    ledger.add((worker, number))


def work(worker):
    connection = connect(DRIVER)
    number = 0
    try:
        while True:
            step(connection, worker, number)
            number += 1
            if number == STEPS:
                begun.wait()
    except Error as error:
        note(error)
    refused()
    back.wait()
    connection = connect(DRIVER)
    for further in range(number + 1, number + 1 + STEPS):
        step(connection, worker, further)


def linger(worker):
    """In the middle of a long query when the server goes."""
    connection = connect(DRIVER)
    try:
        ask(connection, "SELECT SLEEP(1000)")
    except Error as error:
        note(error)
    refused()


def note(error):
    errors.add(type(error).__name__)


def refused():
    """Nobody connects to a server that is not there."""
    while True:
        try:
            connect(DRIVER).close()
        except Error as error:
            note(error)
            failed.wait()
            return


def main():
    connection = connect(DRIVER)
    ask(connection, f"DROP TABLE IF EXISTS {TABLE}")
    ask(connection, f"CREATE TABLE {TABLE} (worker INT, step INT, half INT, "
                    "PRIMARY KEY (worker, step, half)) ENGINE=InnoDB")  # fmt: skip
    with ThreadPoolExecutor(2 * WORKERS) as threads:
        jobs = [threads.submit(work, worker) for worker in range(WORKERS)]
        jobs += [threads.submit(linger, worker) for worker in range(WORKERS)]
        begun.wait()
        print("at work", flush=True)
        failed.wait()
        print("all failed", flush=True)
        sys.stdin.readline()
        back.set()
        for job in jobs:
            job.result()
    print(*sorted(errors))
    rows = ask(connect(DRIVER), f"SELECT worker, step, half FROM {TABLE}")
    steps = {row[:2] for row in rows}
    halves = sorted(rows) == sorted((*each, half) for each in steps for half in (1, 2))
    print("acknowledged", len(ledger) >= 2 * WORKERS * STEPS, "whole", halves)
    print("lost", ledger - steps, "made up", steps - ledger - doubt)
    print("in doubt at most once each", len({worker for worker, _ in doubt}) == len(doubt))
    print(f"{len(ledger)} acknowledged, {len(doubt)} in doubt, {len(doubt & steps)} of them kept")


if __name__ == "__main__":
    main()
