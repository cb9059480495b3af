"""What redis-py's pools are worth after timeouts and cancellations: `redis_cut.py timeouts` ..."""

import os
import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

import weft

URL = os.environ["WEFT_REDIS_URL"]
SLOTS = 5


def make_pool(**options):
    return redis.BlockingConnectionPool.from_url(
        URL, max_connections=SLOTS, timeout=None, decode_responses=True, **options
    )


def whole(pool):
    """Whether every slot can be had at once, and each connection answers its own question."""
    taken = [pool.get_connection() for _ in range(SLOTS)]
    for number, connection in enumerate(taken):
        connection.send_command("ECHO", f"question {number}")
    answers = [connection.read_response() for connection in taken]
    for connection in taken:
        pool.release(connection)
    return pool.pool.full() and answers == [f"question {number}" for number in range(SLOTS)]


def timeouts():
    """Requests cut anywhere: while they wait for a slot, for a connection, within a reply."""
    pool = make_pool()
    client = redis.Redis(connection_pool=pool)
    client.flushdb()
    client.mset({f"key.{number}": f"{number} " * 20_000 for number in range(10)})
    chance = random.Random(5)
    wrong, cut = [], []

    def work(worker):
        for _ in range(20):
            number = chance.randrange(10)
            with weft.move_on_after(chance.choice([0.0005, 0.002, 0.01, 0.1])) as limit:
                value = client.get(f"key.{number}")
                if not value.startswith(f"{number} "):
                    wrong.append(value[:10])
            cut.append(limit.expired)

    with ThreadPoolExecutor(50) as threads:
        list(threads.map(work, range(50)))
    print("cut", any(cut), "not cut", not all(cut), "wrong", wrong, "whole", whole(pool))


def own_timeouts():
    """The driver's own timeout, and weft's, while an answer is on its way."""
    pool = make_pool(socket_timeout=0.05, retry=Retry(NoBackoff(), 0))
    client = redis.Redis(connection_pool=pool)
    client.set("quick", "quick")
    for seconds in (None, 0.02):
        try:
            with weft.timeout(seconds):
                client.execute_command("BLPOP", "never", 0)
        except (redis.TimeoutError, TimeoutError) as error:
            print(type(error).__module__, type(error).__name__)
        print(client.get("quick"))
    print("whole", whole(pool))


def cancelled():
    """Tasks cancelled in the midst of a blocking pop, on a slot and while they wait for one."""
    pool = make_pool()
    client = redis.Redis(connection_pool=pool)
    client.delete("never")
    with weft.group() as group:
        waiting = [group.spawn(client.blpop, ["never"], timeout=30) for _ in range(3 * SLOTS)]
        while popping() < SLOTS:
            pass
        for task in waiting:
            task.cancel()
    print("whole", whole(pool))


def popping():
    """How many clients the server has in a blocking pop."""
    with redis.from_url(URL, decode_responses=True) as other:
        return sum(line["cmd"] == "blpop" for line in other.client_list())


def killed_pubsub():
    """A subscriber killed while it listens holds up nobody, and its slot comes back."""
    pool = make_pool()
    client = redis.Redis(connection_pool=pool)
    listening = threading.Event()

    def listen():
        with client.pubsub() as pubsub:
            pubsub.subscribe("news")
            for _ in pubsub.listen():
                listening.set()

    for _ in range(3 * SLOTS):
        listening.clear()
        task = weft.spawn(listen)
        listening.wait()
        task.cancel()
        weft.joinall([task])
        assert isinstance(task.exception, weft.Cancelled)
    print("whole", whole(pool))


def outage():
    """Work through a crash: the driver's own error, then each acknowledged step counted once."""
    pool = make_pool(retry=Retry(NoBackoff(), 0), socket_timeout=30)
    client = redis.Redis(connection_pool=pool)
    patient = redis.from_url(URL, retry=Retry(NoBackoff(), 0), socket_timeout=None)
    errors, counted = set(), []
    met, back = threading.Barrier(61), threading.Event()

    def until_it_fails(ask):
        try:
            while True:
                ask()
        except redis.ConnectionError as error:
            errors.add(type(error).__name__)
            met.wait()

    def work(_):
        until_it_fails(lambda: client.incr("steps"))
        back.wait()
        counted.extend(client.incr("steps") for _ in range(20))

    with ThreadPoolExecutor(60) as threads:
        jobs = [threads.submit(work, None) for _ in range(40)]
        for _ in range(20):
            threads.submit(until_it_fails, lambda: patient.blpop(["never"]))
        while popping() < 20:
            pass
        print("at work", flush=True)
        met.wait()
        print("all failed", flush=True)
        sys.stdin.readline()
        back.set()
        for job in jobs:
            job.result()
    print(*errors)
    print("once each", sorted(counted) == list(range(1, 801)), client.get("steps"))
    print("whole", whole(pool))


if __name__ == "__main__":
    globals()[sys.argv[1]]()
