"""Redis, which keeps nothing on disk."""

from services import ports
from services.service import Service


class Redis(Service):
    """Its data end with it."""

    name = "redis"
    variable = "WEFT_REDIS_URL"
    package = "redis-server"
    programs = ("redis-server",)

    @property
    def url(self) -> str:
        return f"redis://{self.host}:{self.port}/0"

    def command(self) -> list[str]:
        words = [self.find("redis-server"), "--port", str(self.port), "--bind", self.host]
        # Without the empty --save it would write its data into the folder it was started from.
        return [*words, "--save", "", "--appendonly", "no"]

    def answers(self) -> bool:
        return ports.ask(self.port, b"PING\r\n", 5) == b"+PONG"
