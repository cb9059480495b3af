"""RabbitMQ, with an Erlang port mapper of its own."""

import signal

from services import ports
from services.service import Service

HEADER = b"AMQP\x00\x00\x09\x01"


class RabbitMQ(Service):
    """User and password are ``guest``. Durable queues and messages survive :meth:`kill`."""

    name = "rabbitmq"
    variable = "WEFT_RABBITMQ_URL"
    package = "rabbitmq-server"
    programs = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "epmd")
    account = "rabbitmq"
    # Its own way takes seconds, and what it saves is thrown away.
    stop_signal = signal.SIGKILL

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@{self.host}:{self.port}/%2F"

    def prepare(self) -> None:
        self.write("rabbitmq.conf", "")
        self.write("plugins", "[].\n")

    def settings(self) -> dict[str, str]:
        return {
            "RABBITMQ_NODENAME": "weft@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": self.host,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(ports.free_port()),
            "ERL_EPMD_PORT": str(ports.free_port()),
            "ERL_EPMD_ADDRESS": self.host,
            "RABBITMQ_MNESIA_BASE": f"{self.data}/mnesia",
            "RABBITMQ_LOG_BASE": f"{self.data}/log",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{self.data}/config",
            "RABBITMQ_SCHEMA_DIR": f"{self.data}/schema",
            "RABBITMQ_CONFIG_FILE": f"{self.data}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{self.data}/plugins",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            # Idle, it would spin to save wake-ups, on cores that others need.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none",
        }

    def command(self) -> list[str]:
        # The port mapper in the foreground, else Erlang starts one that outlives everything.
        server = self.find(self.programs[0])
        return ["/bin/sh", "-c", f"{self.find('epmd')} & exec {server}"]

    def answers(self) -> bool:
        # Connection.Start, on channel 0.
        return ports.ask(self.port, HEADER, 11)[7:] == b"\x00\x0a\x00\x0a"
