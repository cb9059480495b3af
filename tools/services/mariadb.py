"""MariaDB, for the drivers of MySQL."""

import os

from services import ports
from services.service import Service

# Read before it listens. Tests look at other connections and kill them, hence all rights.
SETUP = """
CREATE DATABASE IF NOT EXISTS weft;
CREATE USER IF NOT EXISTS weft@'%' IDENTIFIED BY 'weft';
GRANT ALL PRIVILEGES ON *.* TO weft@'%' WITH GRANT OPTION;
"""


class MariaDB(Service):
    """Database, user and password are all ``weft``. Committed rows survive :meth:`kill`."""

    name = "mariadb"
    variable = "WEFT_MYSQL_URL"
    package = "mariadb-server"
    programs = ("mariadbd", "mariadb-install-db")

    @property
    def url(self) -> str:
        return f"mysql://weft:weft@{self.host}:{self.port}/weft"

    def prepare(self) -> None:
        self.write("setup.sql", SETUP)
        self.run(
            self.find("mariadb-install-db"),
            *self._common(),
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        )

    def command(self) -> list[str]:
        return [
            self.find("mariadbd"),
            *self._common(),
            f"--init-file={self.data}/setup.sql",
            f"--port={self.port}",
            f"--bind-address={self.host}",
            # Relative to the data: a longer path than 107 bytes cannot be bound.
            "--socket=mysql.sock",
            "--pid-file=mysql.pid",
            f"--tmpdir={self.data}",
            "--skip-name-resolve",
            "--max-connections=600",
            "--back-log=600",
            # A server killed while clients connect must not lock their host out.
            "--max-connect-errors=1000000",
            "--character-set-server=utf8mb4",
            "--innodb-buffer-pool-size=64M",
            # Handed to the kernel at each commit, which is as good as the disk when it is killed.
            "--innodb-flush-log-at-trx-commit=2",
        ]

    def answers(self) -> bool:
        greeting = ports.ask(self.port, b"", 5)
        return greeting[4:] == b"\x0a"

    def _common(self) -> list[str]:
        # --no-defaults must come first. It does not run as root unless told to.
        words = ["--no-defaults", f"--datadir={self.data}/db"]
        return [*words, "--user=root"] if os.geteuid() == 0 else words
