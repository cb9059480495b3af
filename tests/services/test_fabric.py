"""Fabric on paramiko, and invoke beneath it, whose runners are threads around pipes and ttys."""

from pathlib import Path

from meeting import Meeting, let_go

LINES = [
    *("'out\\n' 'err\\n' 3", "a terminal", "SHOUT", "exit 1", "timed out 0.5", "by fabric"),
    # A group one by one, and one all at once, which meet and then fail.
    *("host-0 up host-1 up host-2 up", "{'met all'} 50", "50 {4}"),
    # On this machine.
    "20",
]


def test_hosts_and_groups(start, finish, os_threads, sshd, way: str, tmp_path: Path) -> None:
    meeting = Meeting(50)
    program = start(way, "fabric_hosts.py", tmp_path, meeting.size, meeting.command)
    guests = meeting.hold()
    threads = os_threads(program.pid)
    let_go(guests)
    assert finish(program) == LINES
    # weft's, which look names up and watch for stalls; each command has three threads, here tasks.
    assert threads < 20
