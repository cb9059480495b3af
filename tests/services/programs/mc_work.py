"""What programs do with Memcached's clients: `mc_work.py pooled meeting`, `pylibmc cuts` ..."""

import os
import random
import re
import socketserver
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import memcache
import pylibmc
import pymemcache
import pymemcache.serde

import weft

URL = urlsplit(os.environ["WEFT_MEMCACHED_URL"])
ADDRESS = (URL.hostname, URL.port)
SLOTS = 5


class Driver:
    """A driver's client, and how many workers it can have at once."""

    workers = 200
    error = OSError

    def __init__(self, address, slots):
        self.slots = threading.BoundedSemaphore(slots)
        self.spec = f"{address[0]}:{address[1]}"
        self.client = self.make(address, slots)

    @contextmanager
    def use(self):
        with self.slots:
            yield self.client

    def whole(self):
        """Whether nothing of the pool is lost; where there is a pool."""
        return True


class Pooled(Driver):
    """pymemcache's PooledClient."""

    error = (OSError, pymemcache.MemcacheError)

    def make(self, address, slots):
        serde = pymemcache.serde.pickle_serde
        return pymemcache.PooledClient(address, max_pool_size=slots, serde=serde)

    def whole(self):
        return self.client.client_pool.used == ()


class Hash(Pooled):
    """pymemcache's HashClient, pooled."""

    def make(self, address, slots):
        return pymemcache.HashClient(
            [address],
            use_pooling=True,
            max_pool_size=slots,
            serde=pymemcache.serde.pickle_serde,
            retry_attempts=0,
            dead_timeout=0,
        )

    def whole(self):
        return all(client.client_pool.used == () for client in self.client.clients.values())


class Plain(Pooled):
    """pymemcache's Client, one a thread."""

    def make(self, address, slots):
        self.address, self.own = address, threading.local()

    @contextmanager
    def use(self):
        if not hasattr(self.own, "client"):
            serde = pymemcache.serde.pickle_serde
            self.own.client = pymemcache.Client(self.address, serde=serde)
        yield self.own.client

    def whole(self):
        return True


class Memcache(Driver):
    """python-memcached's Client, which is one a thread by itself. It hides errors."""

    error = TypeError

    def make(self, address, slots):
        return memcache.Client([self.spec], dead_retry=0)

    @contextmanager
    def use(self):
        yield self.client


class Pylibmc(Driver):
    """pylibmc's ClientPool; its calls are made in threads, of which there are 128."""

    workers = 100
    error = pylibmc.Error

    def make(self, address, slots):
        behaviors = {"tcp_nodelay": True, "retry_timeout": 1}
        return pylibmc.ClientPool(pylibmc.Client([self.spec], behaviors=behaviors), slots)

    @contextmanager
    def use(self):
        with self.client.reserve(block=True) as client:
            yield client

    def whole(self):
        return self.client.qsize() == self.client.maxsize


class Mapped(Driver):
    """pylibmc's ThreadMappedPool."""

    workers = 100
    error = pylibmc.Error

    def make(self, address, slots):
        return pylibmc.ThreadMappedPool(pylibmc.Client([self.spec], behaviors={"cas": True}))

    @contextmanager
    def use(self):
        with self.client.reserve() as client:
            yield client


DRIVERS = {kind.__name__.lower(): kind for kind in (Pooled, Hash, Plain, Memcache, Pylibmc, Mapped)}
kind = DRIVERS[sys.argv[1]]


def os_threads():
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"^Threads:\s+(\d+)$", status, re.MULTILINE)[1])


def side_by_side(function, count):
    """What `function(0)` ... return, each called in a thread of its own, all at the same time."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(function, range(count)))


def meeting():
    """All workers are there before the first goes on; at the server, and then within a request."""
    driver = kind(ADDRESS, kind.workers)
    with driver.use() as client:
        client.set("here", 0)
        client.set("there", {"a": [1, 2, None], "é": "ü"})
        print(client.get("there"), client.get("nowhere"))
    counts, everybody = [], threading.Event()

    def meet(number):
        with driver.use() as client:
            if client.incr("here", 1) == kind.workers:
                everybody.set()
            met = everybody.wait(30)
            counts.append(os_threads())
            client.set(f"mine.{number}", number)
            return met, client.get(f"mine.{number}")

    met = side_by_side(meet, kind.workers)
    print("met all" if all(all_there for all_there, _ in met) else "they did not meet in 30 s")
    print("own answers", [mine for _, mine in met] == list(range(kind.workers)))
    print("OS threads", max(counts))
    wait_for_an_answer()


def wait_for_an_answer():
    """A server that answers nobody before all have asked."""
    everybody = threading.Barrier(kind.workers, timeout=4)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            if self.rfile.readline().startswith(b"get"):
                everybody.wait()
                self.wfile.write(b"END\r\n")

    class Server(socketserver.ThreadingTCPServer):
        request_queue_size = 200
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        driver = kind(server.server_address, kind.workers)

        def ask(_):
            with driver.use() as client:
                return client.get("nothing")

        print("waited together", side_by_side(ask, kind.workers).count(None) == kind.workers)
        server.shutdown()
        thread.join()


def work():
    """All of it but a crash."""
    meeting()
    cuts()


def cuts():
    """Requests cut anywhere; who asks next gets his own answer, and no slot is lost."""
    driver = kind(ADDRESS, SLOTS)
    chance = random.Random(5)
    with driver.use() as client:
        for number in range(10):
            client.set(f"key.{number}", f"{number} " * 100_000)
            client.get(f"key.{number}")
    wrong, cut = [], []

    def work(_):
        for _ in range(15):
            limit = weft.move_on_after(chance.choice([0.0001, 0.0005, 0.002, 0.01]))
            with limit, driver.use() as client:
                check(client, chance.randrange(10), chance.randrange(10))
            cut.append(limit.expired)

    def check(client, one, other):
        value = client.get(f"key.{one}")
        several = client.get_multi([f"key.{one}", f"key.{other}"])
        if not value.startswith(f"{one} ") or several[f"key.{other}"][0] != str(other):
            wrong.append((one, value[:5]))

    side_by_side(work, 30)
    print("cut", any(cut), "not cut", not all(cut), "wrong", wrong, "whole", driver.whole())
    cancelled(driver)


def cancelled(driver):
    """Tasks cancelled while they ask."""

    def work():
        with driver.use() as client:
            while True:
                client.get("key.1")

    with weft.group() as group:
        tasks = [group.spawn(work) for _ in range(3 * SLOTS)]
        weft.sleep(0.01)
        for task in tasks:
            task.cancel()
    ended = [type(task.exception) for task in tasks]
    with driver.use() as client:
        answer = client.get("key.2")
    print("cancelled", set(ended) == {weft.Cancelled}, answer[:2], "whole", driver.whole())


def outage():
    """Count through a crash: what the driver says of it, then each step acknowledged once."""
    driver = kind(ADDRESS, SLOTS)
    with driver.use() as client:
        client.set("steps", 0)
        client.get("steps")  # pymemcache's set() waits for no answer
    met, back = threading.Barrier(21), threading.Event()
    failed, counted = [], []

    def step():
        with driver.use() as client:
            return client.incr("steps", 1) + 0  # python-memcached gives None for no answer

    def work(_):
        try:
            for number in iter(step, None):
                if number == 300:
                    print("at work", flush=True)
        except kind.error as error:
            failed.append(error)
        met.wait()
        back.wait()
        counted.extend(step() for _ in range(20))

    with ThreadPoolExecutor(20) as threads:
        jobs = [threads.submit(work, None) for _ in range(20)]
        met.wait()
        print("all failed", flush=True)
        sys.stdin.readline()
        with ExitStack() as held:
            for client in [held.enter_context(driver.use()) for _ in range(SLOTS)]:
                until_it_answers(client)
                client.set("steps", 0)
                client.get("steps")
        back.set()
        for job in jobs:
            job.result()
    print(len(failed), "once each", sorted(counted) == list(range(1, 401)), driver.whole())


def until_it_answers(client):
    """Some leave a server alone for a while that has failed."""
    while True:
        try:
            client.get("steps")
            break
        except kind.error:
            time.sleep(0.05)


if __name__ == "__main__":
    globals()[sys.argv[2]]()
