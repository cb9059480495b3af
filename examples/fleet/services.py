"""Which servers there are: FLEET_*_URL names them; what is embedded stands in for the others."""

import os
from functools import cached_property
from urllib.parse import SplitResult

from fleet.errors import FleetError
from fleet.jobs import address_of
from fleet.store import Store

FACTS_KEPT = 3600  # seconds
SCHEMES = {
    "FLEET_AMQP_URL": ("amqp", "amqps"),
    "FLEET_MYSQL_URL": ("mysql",),
    "FLEET_REDIS_URL": ("redis", "rediss"),
    "FLEET_MEMCACHED_URL": ("memcached",),
    "FLEET_SSH_URL": ("ssh",),
}


def url_in(variable: str) -> SplitResult | None:
    """The URL in an environment variable; None if it is not set."""
    text = os.environ.get(variable)
    if not text:
        return None
    parts = address_of(text)
    if not parts or parts.scheme not in SCHEMES[variable]:
        # Not a word of it: there may be a password in it.
        raise FleetError(f"{variable} is no URL like {SCHEMES[variable][0]}://user@host:port")
    return parts


class Services:
    """Each is connected when it is first asked for; refused, that raises Unavailable.

    A driver is imported only if its server is used: embedded, fleet needs none of them.
    """

    @cached_property
    def file(self):
        from fleet.embedded import SQLite

        return SQLite(os.environ.get("FLEET_FILE", "fleet.db"))

    @cached_property
    def store(self):
        if url := url_in("FLEET_MYSQL_URL"):
            from fleet.mysql import MySQL

            return Store(MySQL(url))
        return Store(self.file)

    @cached_property
    def queue(self):
        if url := url_in("FLEET_AMQP_URL"):
            from fleet.rabbitmq import Broker

            return Broker(url)
        from fleet.embedded import LeaseQueue

        return LeaseQueue(self.file)

    @cached_property
    def live(self):
        if url := url_in("FLEET_REDIS_URL"):
            from fleet.caches import RedisLive

            return RedisLive(url)
        from fleet.embedded import FileLive

        return FileLive(self.file)

    @cached_property
    def facts(self):
        if url := url_in("FLEET_MEMCACHED_URL"):
            from fleet.caches import Memcached

            return Memcached(url, FACTS_KEPT)
        from fleet.embedded import FileFacts

        return FileFacts(self.file, FACTS_KEPT)
