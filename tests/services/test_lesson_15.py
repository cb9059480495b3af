"""Chapter 15 on OpenSSH, which stands for all four hosts, and takes no passwords."""

import re
from pathlib import Path

CHAPTER = Path(__file__).parents[2] / "examples" / "lesson" / "15_ssh.py"


def test_commands_passwords_files_and_a_jump_host(way, run, sshd) -> None:
    lines = run(way, CHAPTER)
    assert lines[0] == f"the hosts: all four are the server at 127.0.0.1:{sshd.port}"
    assert lines[2:6] == [
        f"I am {name}, exit status {status}"
        for status, name in enumerate(["ann", "bo", "chen", "dora"])
    ]
    # Four times, if nobody else uses the machine.
    assert float(re.search(r"(\d+\.\d+) times as fast", lines[6])[1]) > 1.5
    assert lines[8:10] == [
        f"the {word} password: no login but by publickey" for word in ("wrong", "right")
    ]
    assert [line.partition(":")[2] for line in lines[11:15]] == [
        f" {len(name) * 50_000} bytes up, the same down: True"
        for name in ("ann", "bo", "chen", "dora")
    ]
    assert lines[16:] == ["dora, through ann: hello 0", "without ann still connected: False"]
