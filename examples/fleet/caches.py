"""Live status in Redis, facts about hosts in Memcached."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from urllib.parse import SplitResult

import redis
from pymemcache.client.base import PooledClient
from pymemcache.exceptions import MemcacheError

from fleet.errors import reaching

DAY = 86400  # seconds


class RedisLive:
    """The state of each host; not counters, since a state told twice is still the same."""

    def __init__(self, url: SplitResult) -> None:
        self._name = f"Redis at {url.hostname}:{url.port or 6379}"
        pool = redis.BlockingConnectionPool.from_url(
            url.geturl(), max_connections=8, socket_timeout=10, decode_responses=True
        )
        self._redis = redis.Redis(connection_pool=pool)
        with self._reaching():
            self._redis.ping()

    def begin(self, job: int, hosts: Iterable[str]) -> None:
        with self._reaching(), self._redis.pipeline() as pipeline:
            pipeline.delete(f"fleet:{job}")  # of another database, perhaps, with a job so numbered
            pipeline.hset(f"fleet:{job}", mapping=dict.fromkeys(hosts, "queued"))
            pipeline.expire(f"fleet:{job}", DAY)
            pipeline.execute()

    def set(self, job: int, host: str, state: str) -> None:
        with self._reaching():
            self._redis.hset(f"fleet:{job}", host, state)

    def states(self, job: int) -> dict[str, str]:
        with self._reaching():
            return self._redis.hgetall(f"fleet:{job}")

    def _reaching(self) -> AbstractContextManager[None]:
        return reaching(self._name, redis.RedisError, OSError)


class Memcached:
    """A cache: while it is away all is unknown, and asked for anew."""

    def __init__(self, url: SplitResult, seconds: int) -> None:
        address = url.hostname, url.port or 11211
        self.seconds = seconds
        with reaching("Memcached at {}:{}".format(*address), MemcacheError, OSError):
            PooledClient(address, connect_timeout=5, timeout=5).version()
        # No bound on its pool: at the bound it would raise, not wait.
        self._client = PooledClient(address, connect_timeout=5, timeout=5, ignore_exc=True)

    def get(self, host: str) -> str | None:
        text = self._client.get(f"fleet:{host}")
        return None if text is None else text.decode()

    def put(self, host: str, text: str) -> None:
        try:
            self._client.set(f"fleet:{host}", text.encode(), expire=self.seconds)
        except (MemcacheError, OSError):
            pass  # as if it had been forgotten
