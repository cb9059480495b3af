"""Private servers for tests and benchmarks: real ones, on free loopback ports, data thrown away.

    python3 tools/services start|stop|status [names]

As a package: ``from services import SERVICES`` with ``tools`` on ``sys.path``. Only the standard
library is used.
"""

from services.mariadb import MariaDB
from services.memcached import Memcached
from services.postgresql import PostgreSQL
from services.rabbitmq import RabbitMQ
from services.redis_server import Redis
from services.service import MissingProgram, Service, ServiceError
from services.sshd import SSHServer

# The slowest to start comes first.
SERVICES: dict[str, type[Service]] = {
    kind.name: kind for kind in (RabbitMQ, MariaDB, PostgreSQL, Redis, Memcached, SSHServer)
}

__all__ = ["SERVICES", "MissingProgram", "Service", "ServiceError"]
