"""paramiko, a client of OpenSSH's server."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

# sha256 of random.Random(5).randbytes(4 << 20).
DIGEST = "a9004762db4baf982f1a1371e6db736ff15084cfa654d40dd91be61bc6dfc21a"


def test_commands(run, sshd, way: str) -> None:
    assert run(way, "ssh_commands.py") == [
        *("7 out", " err", ""),
        *("0 SHOUT", " "),
        "-1  ",
        "32b004e0 18c68655",
        "True True 5",
        "True",
        "False True None",
    ]


def test_files(run, sshd, way: str, tmp_path: Path) -> None:
    assert run(way, "ssh_files.py", tmp_path) == [
        f"{{'{DIGEST}'}}",
        "True",
        "499500",
        "True",
        "['renamed'] 640",
        "[Errno 2] No such file",
        DIGEST,
    ]


def test_ways_through_a_connection(run, sshd, way: str) -> None:
    assert run(way, "ssh_forward.py") == [
        "{'echo hello'}",
        "0 1 2 3 4 5 6 7 8 9",
        "closed, from here: hello",
        "ChannelException(2, 'Connect failed')",
        *("0 by command", " "),
    ]


def keygen(path: Path, kind: str, passphrase: str = "") -> None:
    """Make a key pair."""
    command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path)]
    subprocess.run(command, check=True)


@pytest.fixture
def keys(sshd, tmp_path: Path) -> Iterator[Path]:
    """A folder of key pairs: ``ed25519`` and ``rsa``, which the server knows, and ``stranger``."""
    keygen(tmp_path / "ed25519", "ed25519")
    keygen(tmp_path / "rsa", "rsa", "weft")
    keygen(tmp_path / "stranger", "ed25519")
    authorized = sshd.data / "authorized_keys"
    before = authorized.read_text()
    new = [(tmp_path / f"{name}.pub").read_text() for name in ("ed25519", "rsa")]
    authorized.write_text("".join([before, *new]))
    yield tmp_path
    authorized.write_text(before)


@pytest.fixture
def agent(keys: Path) -> Iterator[str]:
    """The socket of an agent that has the key ``ed25519``."""
    sock = str(keys / "agent")
    with subprocess.Popen(
        ["ssh-agent", "-D", "-a", sock], stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        environment = {**os.environ, "SSH_AUTH_SOCK": sock}
        subprocess.run(["ssh-add", "-q", keys / "ed25519"], env=environment, check=True)
        yield sock
        process.terminate()


def test_keys_and_host_keys(run, keys: Path, agent: str, way: str) -> None:
    lines = run(way, "ssh_keys.py", keys, env={"SSH_AUTH_SOCK": agent})
    assert lines == []
