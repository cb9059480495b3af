"""An SSH server within the program, that fleet can be tried with no machine at hand.

It listens on the loopback, for one key that nobody but this process has, and runs commands here.
"""

import socket
import subprocess
import threading
from urllib.parse import urlsplit

import paramiko


class Server:
    def __init__(self) -> None:
        self.client_key = paramiko.ECDSAKey.generate()
        self._own_key = paramiko.ECDSAKey.generate()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=100)
        port = self._socket.getsockname()[1]
        self.url = urlsplit(f"ssh://fleet@127.0.0.1:{port}")
        # As known_hosts has them.
        self.name = f"[127.0.0.1]:{port}"
        self.host_key = self._own_key.get_name(), self._own_key
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with paramiko.Transport(connection) as transport:
            transport.add_server_key(self._own_key)
            try:
                transport.start_server(server=Session(self.client_key))
            except (paramiko.SSHException, EOFError):
                return  # it was no SSH client, or has given up
            transport.join()


class Session(paramiko.ServerInterface):
    """What one client may do: log in with the key, and run commands."""

    def __init__(self, key: paramiko.PKey) -> None:
        self.key = key

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return paramiko.AUTH_SUCCESSFUL if key == self.key else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        if kind == "session":
            return paramiko.OPEN_SUCCEEDED
        return paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        # Asked in the transport's thread, which is needed meanwhile.
        threading.Thread(target=run, args=(channel, command), daemon=True).start()
        return True


def run(channel: paramiko.Channel, command: bytes) -> None:
    """Run a command, its output to the channel as it comes; killed if the client leaves."""
    with (
        channel,
        subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        # The client ends its input when it has heard that the command is accepted. Nothing may be
        # sent, least of all the end, before that.
        while channel.recv(65536):
            pass
        try:
            while piece := process.stdout.read1(65536):
                channel.sendall(piece)
            channel.send_exit_status(process.wait())
        except OSError:
            process.kill()
