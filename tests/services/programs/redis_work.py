"""What programs do with redis-py, one part a word: `redis_work.py basics`, `workers` ..."""

import asyncio
import os
import re
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import redis
import redis.asyncio

URL = os.environ["WEFT_REDIS_URL"]
WORKERS = 200


def side_by_side(function, count):
    """What `function(0)` ... return, each called in a thread of its own, all at the same time."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(function, range(count)))


def os_threads():
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"^Threads:\s+(\d+)$", status, re.MULTILINE)[1])


def basics():
    client = redis.from_url(URL, decode_responses=True)
    client.flushdb()
    with client.pipeline() as pipe:
        print("transaction", pipe.set("a", 1).incr("a").get("a").execute())
    with client.pipeline(transaction=False) as pipe:
        for number in range(1000):
            pipe.rpush("numbers", number)
        print("pipeline", pipe.execute()[-1])
    add = client.register_script("return redis.call('incrby', KEYS[1], ARGV[1])")
    print("script", add(keys=["a"], args=[40]))
    print("nothing to pop", client.blpop(["empty"], timeout=0.05))
    late = threading.Timer(0.05, client.rpush, ["late", "it"])
    late.start()
    print("popped", client.blpop(["empty", "late"], timeout=10))
    late.join()
    blob = os.urandom(3_000_000)
    raw = redis.from_url(URL)
    raw.set("blob", blob)
    print("blob", raw.get("blob") == blob)
    publish_and_subscribe(client)


def publish_and_subscribe(client):
    heard = threading.Event()
    with client.pubsub() as pubsub:
        pubsub.subscribe(news=lambda message: (print("news", message["data"]), heard.set()))
        thread = pubsub.run_in_thread(sleep_time=10)
        while not client.publish("news", "first"):
            pass
        heard.wait()
        thread.stop()
        client.publish("news", "last")
        thread.join()
    listener = client.pubsub(ignore_subscribe_messages=True)
    listener.psubscribe("item.*")
    print("nothing yet", listener.get_message(timeout=0.05), listener.get_message(timeout=0.05))
    said = threading.Thread(target=lambda: [client.publish(f"item.{n}", n) for n in range(3)])
    said.start()
    print("heard", [next(listener.listen())["data"] for _ in range(3)])
    said.join()
    listener.close()


def loops():
    """asyncio beside blocking code in one process: each waits for the other, through Redis."""
    client = redis.from_url(URL, decode_responses=True)
    client.flushdb()

    async def answer():
        async with redis.asyncio.from_url(URL, decode_responses=True) as there:
            _, word = await there.blpop(["ask"], timeout=10)
            await there.rpush("answer", f"{word}, said asyncio")

    loop = threading.Thread(target=asyncio.run, args=[answer()])
    loop.start()
    client.rpush("ask", "hello")
    print(client.blpop(["answer"], timeout=10)[1])
    loop.join()


def workers():
    """200 workers on 20 slots; a counter by INCR, one by WATCH, one by a lock."""
    pool = redis.BlockingConnectionPool.from_url(URL, max_connections=20, timeout=None)
    client = redis.Redis(connection_pool=pool)
    client.flushdb()
    client.mset({"watched": 0, "locked": 0})

    def work(number):
        for _ in range(10):
            client.incr("counted")
        client.transaction(add_one, "watched")
        with client.lock("the lock", sleep=0.001):
            client.set("locked", int(client.get("locked")) + 1)
        client.set(f"mine.{number}", number)
        return int(client.get(f"mine.{number}"))

    def add_one(pipe):
        value = int(pipe.get("watched"))
        pipe.multi()
        pipe.set("watched", value + 1)

    print("own answers", side_by_side(work, WORKERS) == list(range(WORKERS)))
    print("counters", *map(int, client.mget("counted", "watched", "locked")))
    print("slots", pool.pool.qsize(), len(pool._connections) <= 20)


def meeting():
    """None of 200 goes on until all are there; then one waits for half a second, then all do."""
    client = redis.from_url(URL, max_connections=WORKERS, socket_timeout=None)
    client.flushdb()

    def meet(_):
        if client.incr("here") == WORKERS:
            print("OS threads", os_threads())
            client.rpush("gate", *range(WORKERS))
        return client.blpop(["gate"], timeout=30)

    met = side_by_side(meet, WORKERS)
    print("met all" if all(met) else f"only {met.count(None)} of {WORKERS} were there in 30 s")
    start = time.perf_counter()
    client.blpop(["never"], timeout=0.5)
    one = time.perf_counter() - start
    start = time.perf_counter()
    side_by_side(lambda _: client.blpop(["never"], timeout=0.5), WORKERS)
    print("ratio", round((time.perf_counter() - start) / one, 2))


def hand_over():
    """Everything pushed is popped once, by whom does not matter."""
    client = redis.from_url(URL)
    client.flushdb()
    items = 4000

    def push(number):
        for item in range(number, items, 20):
            client.rpush("items", item)

    def pop(_):
        got = []
        while (found := client.blpop(["items"], timeout=10)) and found[1] != b"end":
            got.append(int(found[1]))
        return got

    with ThreadPoolExecutor(100) as pool:
        popped = [pool.submit(pop, None) for _ in range(50)]
        side_by_side(push, 20)
        client.rpush("items", *["end"] * 50)
        got = [item for each in popped for item in each.result()]
    print("each once", sorted(got) == list(range(items)))


if __name__ == "__main__":
    globals()[sys.argv[1]]()
