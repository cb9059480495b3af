"""A command on a host, over SSH."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import SplitResult

import paramiko

from fleet.errors import FleetError
from fleet.jobs import Task, address_of
from fleet.services import url_in

KEPT = 65536  # bytes of a command's output; the rest is read, and dropped


class Hosts:
    """How hosts are reached.

    A task's own target goes first. Other names are looked up in FLEET_SSH_URL: in
    ``ssh://root@{host}:22`` the name stands for itself; without ``{host}`` all are one machine.
    If it is not set, all names are a server within this program.
    """

    def __init__(self, key: str | None) -> None:
        self.key = load(key) if key else None
        self.server = None
        if not url_in("FLEET_SSH_URL"):
            from fleet.sshd import Server

            self.server = Server()

    @contextmanager
    def connected(self, task: Task) -> Iterator[paramiko.SSHClient]:
        """A client that is logged in at the task's host."""
        with paramiko.SSHClient() as client:
            # A host must be in ~/.ssh/known_hosts, as for ssh: who answers is checked.
            client.load_system_host_keys()
            url, key = self._address(task), self.key
            if self.server and not task.target:
                key = self.server.client_key
                client.get_host_keys().add(self.server.name, *self.server.host_key)
            client.connect(
                url.hostname,
                url.port or 22,
                url.username,
                pkey=key,
                allow_agent=key is None,
                look_for_keys=key is None,
            )
            yield client

    def _address(self, task: Task) -> SplitResult:
        if task.target:
            return address_of(f"ssh://{task.target}")
        if self.server:
            return self.server.url
        return address_of(os.environ["FLEET_SSH_URL"].replace("{host}", task.host))


def execute(client: paramiko.SSHClient, command: str) -> tuple[int, str]:
    """Run a command: its exit status, and what it wrote to stdout and stderr."""
    with client.get_transport().open_session() as channel:
        channel.set_combine_stderr(True)
        channel.exec_command(command)
        channel.shutdown_write()  # it has nothing to read, and shall not wait for it
        output = bytearray()
        while piece := channel.recv(KEPT):
            output += piece[: KEPT - len(output)]
        return channel.recv_exit_status(), output.decode(errors="replace")


def load(path: str) -> paramiko.PKey:
    try:
        return paramiko.PKey.from_path(path)
    except (OSError, ValueError, TypeError, paramiko.SSHException) as error:
        raise FleetError(f"{path} is no private key that can be read: {error}") from error
