"""PostgreSQL."""

import re
import signal
import struct
import subprocess

from services import ports
from services.service import Service

STARTUP = b"\0\x03\0\0user\0weft\0database\0weft\0\0"


class PostgreSQL(Service):
    """Database, user and password are all ``weft``. Committed rows survive :meth:`kill`."""

    name = "postgresql"
    variable = "WEFT_POSTGRESQL_URL"
    package = "postgresql"
    programs = ("postgres", "initdb")
    # It refuses to run as root.
    account = "postgres"
    # Without waiting for clients to leave.
    stop_signal = signal.SIGINT

    @property
    def url(self) -> str:
        return f"postgresql://weft:weft@{self.host}:{self.port}/weft"

    def prepare(self) -> None:
        self.write("password", "weft\n")
        words = "-D db -U weft --auth=scram-sha-256 --pwfile=password --encoding=UTF8 --no-sync"
        self.run(self.find("initdb"), *words.split())
        single = [self.find("postgres"), "--single", "-D", "db", "postgres"]
        self.run(*single, text="CREATE DATABASE weft\n")

    def command(self) -> list[str]:
        options = {
            "listen_addresses": self.host,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 300,
            # The kernel has what was committed, which is as good as the disk when it is killed.
            "fsync": "off",
            # Files of its data rather than of the machine's shared memory, which a kill leaves.
            "dynamic_shared_memory_type": "mmap",
        }
        words = [f"--{name}={value}" for name, value in options.items()]
        return [self.find("postgres"), "-D", "db", *words]

    def answers(self) -> bool:
        # It asks for the password; while it recovers it says E instead.
        message = struct.pack("!i", len(STARTUP) + 4) + STARTUP
        return ports.ask(self.port, message, 1) == b"R"

    def _launch(self) -> None:
        self._unlock()
        super()._launch()

    def _remove(self) -> None:
        self._unlock()
        super()._remove()

    def _unlock(self) -> None:
        """Do away with the two things that a killed one leaves to tell that it runs.

        A piece of shared memory would stay for good. The lock file would keep it from starting
        again for as long as nobody collects the exit status of the process it names.
        """
        lock = self.data / "db" / "postmaster.pid"
        if lock.exists():
            segment = re.search(r"^ *\d+ +(\d+) *$", lock.read_text(), re.MULTILINE)
            if segment:
                subprocess.run(["ipcrm", "-m", segment[1]], check=False, stderr=subprocess.DEVNULL)
            lock.unlink()
