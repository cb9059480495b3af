"""An SSH server of paramiko's, with threads: commands, a shell and files below a folder.

ssh_server.py folder host_key authorized_key: prints its port.
"""

import os
import socket
import sys
import threading
import time
from collections import defaultdict
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import paramiko
from paramiko import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED, SFTP_NO_SUCH_FILE, SFTP_OK

FOLDER = Path(sys.argv[1])
HOST_KEY = paramiko.Ed25519Key.from_private_key_file(sys.argv[2])
AUTHORIZED = paramiko.Ed25519Key.from_private_key_file(sys.argv[3])
GUESTS = 200
lobby = threading.Barrier(GUESTS, timeout=40)


class Server(paramiko.ServerInterface):
    """Decides on all that one client asks for.

    What is to be done in a channel is put where its thread waits for it. A thread started here
    could close the channel before the client has its answer.
    """

    def __init__(self) -> None:
        self.jobs: dict[int, SimpleQueue] = defaultdict(SimpleQueue)

    def get_allowed_auths(self, username: str) -> str:
        return "password,publickey"

    def check_auth_password(self, username: str, password: str) -> int:
        return AUTH_SUCCESSFUL if password == "weft" else AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return AUTH_SUCCESSFUL if key == AUTHORIZED else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.jobs[channel.chanid].put(partial(execute, channel, command.decode()))
        return True

    def check_channel_pty_request(self, channel: paramiko.Channel, *request: object) -> bool:
        return True

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        self.jobs[channel.chanid].put(partial(shell, channel))
        return True

    def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
        # It has a thread of paramiko's.
        self.jobs[channel.chanid].put(lambda: None)
        return super().check_channel_subsystem_request(channel, name)


def execute(channel: paramiko.Channel, command: str) -> None:
    """Run one of the commands this server knows: meet, sleep, upper."""
    with channel:
        status = 0
        if command == "meet":
            lobby.wait()
            channel.sendall(b"met all\n")
        elif command == "sleep 1":
            time.sleep(1)
        elif command == "upper":
            with channel.makefile("rb") as file:
                channel.sendall(file.read().upper())
        else:
            channel.sendall_stderr(f"no command {command}\n".encode())
            status = 127
        channel.send_exit_status(status)


def shell(channel: paramiko.Channel) -> None:
    """Say each line backwards, until "exit"."""
    with channel, channel.makefile("rw") as file:
        for line in file:
            if line.strip() == "exit":
                break
            file.write(f"{line.strip()[::-1]}\r\n")
        channel.send_exit_status(0)


class Files(paramiko.SFTPServerInterface):
    """What is below ``FOLDER``."""

    def place(self, path: str) -> Path:
        return FOLDER / self.canonicalize(path).lstrip("/")

    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes]:
        found = self.place(path).iterdir()
        return [paramiko.SFTPAttributes.from_stat(each.stat(), each.name) for each in found]

    def stat(self, path: str) -> paramiko.SFTPAttributes | int:
        if not self.place(path).exists():
            return SFTP_NO_SUCH_FILE
        return paramiko.SFTPAttributes.from_stat(self.place(path).stat())

    lstat = stat

    def open(self, path: str, flags: int, attributes: paramiko.SFTPAttributes):
        handle = paramiko.SFTPHandle(flags)
        # It closes both with itself.
        handle.readfile = handle.writefile = self.place(path).open(
            "wb" if flags & os.O_WRONLY else "rb"
        )
        return handle

    def chattr(self, path: str, attributes: paramiko.SFTPAttributes) -> int:
        return SFTP_OK


def serve(sock: socket.socket) -> None:
    """Set up a connection, whose own thread does the rest."""
    transport = paramiko.Transport(sock)
    transport.add_server_key(HOST_KEY)
    transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Files)
    server = Server()
    transport.start_server(server=server)
    while channel := transport.accept():
        job = server.jobs[channel.chanid]
        threading.Thread(target=lambda job=job: job.get(timeout=30)(), daemon=True).start()


with socket.create_server(("127.0.0.1", 0), backlog=GUESTS) as listener:
    print(listener.getsockname()[1], flush=True)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
