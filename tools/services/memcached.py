"""Memcached."""

import os

from services import ports
from services.service import Service


class Memcached(Service):
    """Its data end with it."""

    name = "memcached"
    variable = "WEFT_MEMCACHED_URL"
    package = "memcached"
    programs = ("memcached",)

    @property
    def url(self) -> str:
        return f"memcached://{self.host}:{self.port}"

    def command(self) -> list[str]:
        words = [self.find("memcached"), "-l", self.host, "-p", str(self.port), "-U", "0"]
        # It does not run as root unless told to.
        return [*words, "-c", "2000", *(["-u", "root"] if os.geteuid() == 0 else [])]

    def answers(self) -> bool:
        return ports.ask(self.port, b"version\r\n", 7) == b"VERSION"
