"""Which drivers have an integration, applied as they are imported.

They wait on their sockets, some in C, and what has them wait as the patched :mod:`socket` does goes
with its patch. Owns the table; the integrations stand in a layer above and are
imported by name, each when its driver is: one that is not used costs nothing. Nothing here parks.
"""

from __future__ import annotations

import warnings
from functools import partial
from importlib import import_module
from types import ModuleType

from weft.patch import _registry

# The driver's module, after whose import it is to be changed -> the integration's name.
TABLE = {
    "amqp": "amqp",
    "kombu.pools": "kombu",
    "memcache": "python_memcached",
    "mysql.connector": "mysql_connector_python",
    "MySQLdb.connections": "mysqlclient",
    "paramiko": "paramiko",
    "pika": "pika",
    "psycopg": "psycopg",
    "psycopg2": "psycopg2",
    "psycopg_pool": "psycopg_pool",
    "pylibmc": "pylibmc",
    "pymemcache": "pymemcache",
    "pymysql.connections": "pymysql",
}


def watch() -> None:
    """Have each integration applied when its driver is imported, or now if it has been."""
    for driver, name in TABLE.items():
        if driver not in _registry.hooks:
            _registry.when_imported(driver, partial(integrate, name))


def integrate(name: str, driver: ModuleType) -> None:
    """Apply the integration ``name``; one that fails leaves the driver as it was, and says so.

    A version of a driver that nobody has met yet shall still be importable.
    """
    before = len(_registry.undo)
    try:
        import_module(f"weft.integrations.{name}").patch(driver)
    except Exception as error:
        while len(_registry.undo) > before:
            _registry.undo.pop()()
        version = getattr(driver, "__version__", "of this version")
        warnings.warn(
            f"{driver.__name__} {version} stays as it is: weft.integrations.{name} could not "
            f"change it ({type(error).__name__}: {error}). `weft doctor` says what for. Install a "
            "version that weft knows, or call one that waits in C through weft.offload",
            RuntimeWarning,
            stacklevel=2,
        )
