"""paramiko, a client of OpenSSH's server."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from meeting import Meeting, let_go

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
    """Make a key pair that costs little to load: with the defaults RSA's takes 0.2 s of CPU."""
    cheap = ["-a", "1", *(["-b", "2048"] if kind == "rsa" else [])]
    command = ["ssh-keygen", "-q", "-t", kind, *cheap, "-N", passphrase, "-f", str(path)]
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


def test_keys_and_host_keys(run, sshd, keys: Path, agent: str, way: str) -> None:
    assert run(way, "ssh_keys.py", keys, env={"SSH_AUTH_SOCK": agent}) == [
        *("in", "in", "in"),
        "PasswordRequiredException: Private key file is encrypted",
        "SSHException: Invalid key",
        "AuthenticationException: Authentication failed.",
        "BadAuthenticationType: Bad authentication type; allowed types: ['publickey']",
        "1 in",
        "SSHException: No authentication methods available",
        f"SSHException: Server '[{sshd.host}]:{sshd.port}' not found",
        "BadHostKeyException",
        *("in", "True"),
    ]


def test_200_commands_meet(start, finish, os_threads, sshd, way: str) -> None:
    meeting = Meeting(200)
    program = start(way, "ssh_meet.py", meeting.size, meeting.command)
    guests = meeting.hold()
    threads = os_threads(program.pid)
    let_go(guests)
    said, *figures = finish(program)
    assert said == "met all 200"
    assert threads <= 3
    print(way, *figures, sep="\n")


def test_limits_leave_the_connection_whole(run, sshd, way: str) -> None:
    assert run(way, "ssh_limits.py") == [
        "TimeoutError: timed out",
        "TimeoutError: the timeout of 0.2 s expired",
        "SSHException: Error reading SSH protocol banner",
        "TimeoutError: the timeout of 0.2 s expired",
        # Of commands.
        "TimeoutError: ",
        "TimeoutError: the timeout of 0.2 s expired",
        "{'Cancelled'}",
        *("True", "True"),
        # Of files.
        "{'TimeoutError: the timeout of 0.05 s expired'}",
        "True",
        "TimeoutError: the timeout of 0.1 s expired",
        "OSError: Socket is closed",
        "True",
        "{'TimeoutError: the timeout of 0.05 s expired'} jumped",
        # The connection still stood, and nothing is left of it.
        *("True", "1"),
    ]


def test_a_server_that_dies_and_comes_back(start, finish, sshd, way: str, tmp_path: Path) -> None:
    program = start(way, "ssh_crash.py", tmp_path, stdin=subprocess.PIPE)
    assert program.stdout.readline() == "at work\n"
    sshd.kill()
    program.stdin.write("down\n")
    program.stdin.flush()
    down = list(iter(program.stdout.readline, "down\n"))
    sshd.start()
    program.stdin.write("up\n")
    program.stdin.flush()
    assert [*map(str.strip, down), *finish(program)] == [
        "20 another: SSHException: SSH session not active",
        "20 command: b'' -1",
        "20 input: OSError: Socket is closed",
        "1 upload: lost",
        "{False}",
        "NoValidConnectionsError: [Errno None] Unable to connect",
        # All connect again, and each command had run once.
        *("21", "True"),
    ]
