"""How these programs log in to the SSH server that the environment names."""

import os
from urllib.parse import urlsplit

import paramiko

ADDRESS = urlsplit(os.environ["WEFT_SSH_URL"])
HOST, PORT, USER = ADDRESS.hostname, ADDRESS.port, ADDRESS.username
KEY = os.environ["WEFT_SSH_KEY"]
PASSWORD = os.environ.get("SSH_PASSWORD")


def new_client() -> paramiko.SSHClient:
    """A client that knows the server's key, and would take no other."""
    client = paramiko.SSHClient()
    client.load_host_keys(os.environ["WEFT_SSH_KNOWN_HOSTS"])
    return client


def connect(client: paramiko.SSHClient | None = None, **options) -> paramiko.SSHClient:
    """Connect ``client``, or a new one, as the environment says unless ``options`` say how."""
    client = client or new_client()
    secrets = {"password": PASSWORD} if PASSWORD else {"key_filename": KEY}
    options = {"allow_agent": False, "look_for_keys": False, **secrets, **options}
    client.connect(HOST, PORT, USER, **options)
    return client


def ask(client: paramiko.SSHClient, command: str, text: str = "") -> tuple[int, str, str]:
    """Run ``command`` with ``text`` as its input; its exit status, stdout and stderr."""
    stdin, stdout, stderr = client.exec_command(command)
    stdin.write(text)
    stdin.channel.shutdown_write()
    return stdout.channel.recv_exit_status(), stdout.read().decode(), stderr.read().decode()
