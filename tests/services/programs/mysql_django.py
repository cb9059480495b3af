"""Django's ORM on MySQL, in threads: `mysql_django.py django.db.backends.mysql MySQLdb` ..."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import django
from django.conf import settings
from mysql_drivers import OWN, PLACE, connect, running

WORKERS = 200
BACKEND, DRIVER = sys.argv[1:]
if DRIVER == "pymysql":
    import pymysql

    pymysql.install_as_MySQLdb()

settings.configure(
    DATABASES={
        "default": {
            "ENGINE": BACKEND,
            "HOST": PLACE["host"],
            "PORT": PLACE["port"],
            "USER": PLACE["user"],
            "PASSWORD": PLACE["password"],
            "NAME": PLACE["database"],
            "CONN_MAX_AGE": None,
            "OPTIONS": {"charset": "utf8mb4", **OWN.get(DRIVER, {})},
        }
    },
    USE_TZ=True,
)
django.setup()

from django.db import Error, IntegrityError, connection, models, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

import weft  # noqa: E402


class Job(models.Model):
    host = models.CharField(max_length=100, unique=True)
    output = models.TextField(null=True)
    cost = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    done = models.DateTimeField(null=True)

    class Meta:
        app_label = "mysql"
        db_table = f"django_{DRIVER}"


def make_table():
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {Job._meta.db_table}")
    with connection.schema_editor() as editor:
        editor.create_model(Job)


def answers():
    """Queries, a bulk of rows, transactions."""
    now = timezone.now().replace(microsecond=0)
    Job.objects.create(host="ü€😀", output="up", cost=Decimal("12.34"), done=now)
    job = Job.objects.get(host="ü€😀")
    print("types", (job.output, job.cost, job.done) == ("up", Decimal("12.34"), now))
    Job.objects.bulk_create([Job(host=f"host {n}") for n in range(1000)])
    print("made", Job.objects.filter(host__startswith="host ").count())
    try:
        with transaction.atomic():
            Job.objects.update(output="lost")
            Job.objects.create(host="host 1")
    except IntegrityError:
        print("kept", Job.objects.filter(output="lost").count())
    Job.objects.exclude(output="up").delete()


def meeting():
    """A connection for each thread: all wait for the row that one of them has locked."""
    own = set()

    def work(number):
        with connection.cursor() as cursor:
            cursor.execute("SELECT CONNECTION_ID()")
            own.add(cursor.fetchone()[0])
        with transaction.atomic():
            job = Job.objects.select_for_update().get(output="up")
            job.cost += 1
            job.save()
        connection.close()

    watcher = connect("pymysql", autocommit=True)
    before = Job.objects.get(output="up").cost
    with ThreadPoolExecutor(WORKERS) as threads:
        with transaction.atomic():
            Job.objects.select_for_update().get(output="up")
            jobs = [threads.submit(work, number) for number in range(WORKERS)]
            while running(watcher, f"SELECT `{Job._meta.db_table}`.`id`") < WORKERS:
                pass
        for job in jobs:
            job.result()
    print("connections", len(own), "added", Job.objects.get(output="up").cost - before)


def cut():
    """A persistent connection, cut in a query, is lost, found so, and made anew."""
    with weft.move_on_after(0.05) as limit, transaction.atomic():
        Job.objects.update(output="cut")
        with connection.cursor() as cursor:
            cursor.execute("SELECT SLEEP(0.5)")
    print("cut", limit.expired)
    # As Django does it between two requests.
    try:
        Job.objects.count()
    except Error:
        connection.close_if_unusable_or_obsolete()
    print("kept", Job.objects.filter(output="cut").count(), Job.objects.count())


if __name__ == "__main__":
    make_table()
    for part in (answers, meeting, cut):
        # Each as a request is: in a thread with a connection of its own.
        thread = threading.Thread(target=part)
        thread.start()
        thread.join()
