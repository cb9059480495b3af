"""A server of paramiko's on weft, with OpenSSH's clients and with two hundred of paramiko's."""

import subprocess
from pathlib import Path
from typing import NamedTuple

import paramiko
import pytest


class Server(NamedTuple):
    """The program ``ssh_server.py``."""

    pid: int
    port: int
    folder: Path
    key: Path
    known_hosts: Path

    def openssh(self, program: str, *words: str) -> list[str]:
        """The command line of ``ssh`` or ``sftp``."""
        options = {"UserKnownHostsFile": self.known_hosts, "IdentityFile": self.key}
        options |= {"Port": self.port, "User": "guest", "IdentitiesOnly": "yes"}
        flags = [f"-o{name}={value}" for name, value in options.items()]
        return [program, "-F", "none", *flags, *words]


@pytest.fixture
def server(start, way: str, tmp_path: Path) -> Server:
    """Start it."""
    for name in ("host_key", "key"):
        words = ["-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        subprocess.run(["ssh-keygen", *words], check=True)
    folder = tmp_path / "files"
    folder.mkdir()
    program = start(way, "ssh_server.py", folder, tmp_path / "host_key", tmp_path / "key")
    port = int(program.stdout.readline())
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {(tmp_path / 'host_key.pub').read_text()}")
    return Server(program.pid, port, folder, tmp_path / "key", known)


def finish(command: list[str], text: str) -> tuple[int, str, str]:
    """Run ``command`` with ``text`` as its input; its exit status, stdout and stderr."""
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_openssh_runs_commands_and_a_shell(server: Server) -> None:
    assert finish(server.openssh("ssh", "127.0.0.1", "upper"), "hello\n") == (0, "HELLO\n", "")
    assert finish(server.openssh("ssh", "127.0.0.1", "lower"), "") == (
        127,
        "",
        "no command lower\n",
    )
    status, said, _ = finish(server.openssh("ssh", "-tt", "127.0.0.1"), "abc\ndef\nexit\n")
    assert (status, said) == (0, "cba\nfed\n")


def test_openssh_copies_files(server: Server, tmp_path: Path) -> None:
    data = bytes(range(256)) * 4096
    (tmp_path / "here").write_bytes(data)
    commands = f"put {tmp_path}/here there\nget there {tmp_path}/back\nls -1\n"
    status, said, wrong = finish(server.openssh("sftp", "-q", "-b", "-", "127.0.0.1"), commands)
    assert (status, said.splitlines()[-1], wrong) == (0, "there", "")
    assert (server.folder / "there").read_bytes() == (tmp_path / "back").read_bytes() == data


def test_passwords(server: Server) -> None:
    for password in ("weave", "weft"):
        with paramiko.SSHClient() as client:
            client.load_host_keys(str(server.known_hosts))
            options = {"allow_agent": False, "look_for_keys": False, "password": password}
            if password == "weft":
                client.connect("127.0.0.1", server.port, "guest", **options)
                _, stdout, _ = client.exec_command("lower")
                assert stdout.channel.recv_exit_status() == 127
            else:
                with pytest.raises(paramiko.AuthenticationException):
                    client.connect("127.0.0.1", server.port, "guest", **options)


def test_200_clients_meet(server: Server, run, os_threads, way: str) -> None:
    environment = {
        "WEFT_SSH_URL": f"ssh://guest@127.0.0.1:{server.port}",
        "WEFT_SSH_KEY": str(server.key),
        "WEFT_SSH_KNOWN_HOSTS": str(server.known_hosts),
        "SSH_PASSWORD": "weft",
    }
    said, *figures = run(way, "ssh_meet.py", 200, "meet", env=environment)
    assert said == "met all 200"
    assert os_threads(server.pid) <= 3
    print(way, *figures, sep="\n")
