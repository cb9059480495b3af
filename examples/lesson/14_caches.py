"""Redis and Memcached: a cache, counters, a lock, and news
Redis 与 Memcached：缓存、计数器、锁和消息

A program asks the cache first, upon a miss the slow place, and leaves the answer in the cache for
a while. When it expires, all who ask go to the slow place, unless a lock lets only one of them go.

What several tasks change must change in one step. Between a `get` and its `set` others read the
same number, and counts get lost. `incr` is one step; `gets` and `cas` tell who else was faster.

程序先问缓存，没有再去问慢的地方，并把回答在缓存里放一段时间。过期的时候，
所有来问的都会跑去问慢的地方；除非用一把锁，只让一个去。

几个任务都要改的东西，必须一步改完。在 `get` 和它的 `set` 之间，别的任务读到了同一个数，
有些计数就丢了。`incr` 是一步；`gets` 和 `cas` 能看出有没有被人抢先。

Run: weft run examples/lesson/14_caches.py
Needs: redis memcached
Packages: redis pymemcache
"""

import os
import sys
import threading
from urllib.parse import urlsplit

import pymemcache
import redis

import weft

if not {"WEFT_REDIS_URL", "WEFT_MEMCACHED_URL"} <= os.environ.keys():
    sys.exit(
        "WEFT_REDIS_URL and WEFT_MEMCACHED_URL are not both set: run this by `weft lesson 14`, "
        "which starts the servers, or after `make services`"
    )
POOL = redis.BlockingConnectionPool.from_url(os.environ["WEFT_REDIS_URL"], max_connections=20)
REDIS = redis.Redis(connection_pool=POOL)
ADDRESS = urlsplit(os.environ["WEFT_MEMCACHED_URL"]).netloc
MEMCACHED = pymemcache.PooledClient(ADDRESS, default_noreply=False)
NAMES = {REDIS: "Redis", MEMCACHED: "Memcached"}
PRICE, COUNT, LOCK, NEWS = (f"weft-lesson-{word}" for word in ("price", "count", "lock", "news"))
TASKS = 100


def all_at_once(function, *arguments):
    list(weft.map(lambda _: function(*arguments), range(TASKS)))


def price(store, loads):
    """Ask the cache first. Both servers' clients have the same get and set."""
    found = store.get(PRICE)
    if found is None:
        weft.sleep(0.1)
        found = b"5 coins"
        loads.append(found)
        # Good for two seconds, then it must be asked for again.
        # 有效两秒，之后必须重新去问。
        store.set(PRICE, found, 2)
    return found


def cache(store):
    loads = []
    for pause in (0, 0, 0, 2.5):
        weft.sleep(pause)
        price(store, loads)
    return f"{NAMES[store]}: asked 4 times, loaded {len(loads)} times, again after it had expired"


def price_by_one(store, loads):
    if store.get(PRICE) is None:
        # In Redis, hence for all processes and machines; it expires should its owner be gone.
        # 锁在 Redis 里，所以对所有进程和机器都有效；万一拿着它的程序没了，它自己会过期。
        with REDIS.lock(LOCK, timeout=10, sleep=0.02):
            price(store, loads)


def stampede(title, ask):
    REDIS.delete(PRICE)
    loads = []
    all_at_once(ask, REDIS, loads)
    print(f"{TASKS} tasks ask {title}: loaded {len(loads)}")


def read_add_write(store):
    number = int(store.get(COUNT))
    # Whatever is done here, others read the same number meanwhile.
    # 不管这里做什么，别的任务这时读到的是同一个数。
    weft.sleep(0.001)
    store.set(COUNT, number + 1, 60)


def increment(store):
    store.incr(COUNT, 1)


def compare_and_swap(store):
    while True:
        number, token = store.gets(COUNT)
        # Written only if nobody else wrote since; else once more.
        # 这期间没有别人写过才写入；否则再来一次。
        if store.cas(COUNT, int(number) + 1, token, 60):
            return


def race(store, *ways):
    for way in ways:
        store.set(COUNT, 0, 60)
        all_at_once(way, store)
        print(f"{NAMES[store]}, {way.__name__}: {int(store.get(COUNT))} of {TASKS}")


def listen(subscribed):
    with REDIS.pubsub() as news:
        news.subscribe(NEWS)
        # The first message says that it listens; what was published before it never gets.
        # 第一条消息说明它开始听了；在这之前发布的，它永远收不到。
        next(news.listen())
        subscribed.wait()
        return [next(news.listen())["data"].decode() for _ in range(2)]


def publish():
    subscribed = threading.Barrier(4)
    with weft.group() as group:
        listeners = [group.spawn(listen, subscribed) for _ in range(3)]
        subscribed.wait()
        for text in ["baozi are ready", "tea is ready"]:
            print(f"{text!r} went to {REDIS.publish(NEWS, text)} listeners")
    print(*[f"heard: {', '.join(listener.result())}" for listener in listeners], sep="\n")


if __name__ == "__main__":
    try:
        print("-- a cache")
        print(*weft.map(cache, NAMES), sep="\n")
        print("-- all ask at once for what is not there")
        stampede("without a lock", price)
        stampede("with a lock", price_by_one)
        print("-- counters")
        race(REDIS, read_add_write, increment)
        race(MEMCACHED, read_add_write, increment, compare_and_swap)
        print("-- news")
        publish()
    finally:
        REDIS.delete(PRICE, COUNT)
        MEMCACHED.delete_many([PRICE, COUNT])
        POOL.disconnect()
        MEMCACHED.close()
