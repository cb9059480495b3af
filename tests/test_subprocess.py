"""Green subprocess: programs run beside each other, in one thread, and are waited for by tasks."""

import io
import os
import signal
import subprocess as stdlib
import sys
import threading

import pytest

import weft
import weft.os
from weft import socket, subprocess
from weft._children import children
from weft.testing import virtual_time


def test_a_hundred_programs_are_alive_at_one_moment() -> None:
    """Each says that it runs, and waits until the parent closes a pipe that all have."""
    said, saying = os.pipe()
    gate, holding = os.pipe()
    command = f"echo > /proc/self/fd/{saying}; read line < /proc/self/fd/{gate}; echo $0"

    def run(n: int) -> bytes:
        words = ["sh", "-c", command, str(n)]
        done = subprocess.run(words, capture_output=True, timeout=60, pass_fds=(saying, gate))
        return done.stdout

    tasks = [weft.spawn(run, n) for n in range(100)]
    running = 0
    while running < 100:
        running += len(weft.os.read(said, 1000))
    assert all(task.state == "parked" for task in tasks)
    os.close(holding)
    assert [task.result() for task in tasks] == [b"%d\n" % n for n in range(100)]
    for fd in (said, saying, gate):
        os.close(fd)


def test_output_is_read_line_by_line_while_others_run() -> None:
    with subprocess.Popen(
        ["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        reading = weft.spawn(program.stdout.readline)
        weft.sleep(0.001)
        assert reading.wait_kind == "read"
        program.stdin.write("a line\n")
        program.stdin.flush()
        assert reading.result() == "a line\n"
        rest = weft.spawn(list, program.stdout)
        weft.checkpoint()
        program.stdin.write("1\n2\n")
        program.stdin.close()
        assert rest.result() == ["1\n", "2\n"]


def test_input_waits_for_a_program_that_does_not_read_yet() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        writing = weft.spawn(lambda: (program.stdin.write(bytes(1_000_000)), program.stdin.close()))
        weft.sleep(0.001)
        assert writing.wait_kind == "write"
        assert len(program.stdout.read()) == 1_000_000
        writing.result()


def test_much_goes_through_communicate_in_both_directions() -> None:
    data = os.urandom(1_000_000)
    assert subprocess.run(["cat"], input=data, capture_output=True).stdout == data


def test_a_wait_ends_at_its_deadline_and_not_before() -> None:
    with virtual_time(), subprocess.Popen(["cat"], stdin=subprocess.PIPE) as program:
        before = weft.now()
        with pytest.raises(stdlib.TimeoutExpired, match=r"'\['cat'\]' timed out after 60 seconds"):
            program.wait(timeout=60)
        assert weft.now() - before >= 60
        assert program.poll() is None


def test_a_wait_with_a_timeout_ends_with_the_program() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as program:
        waits = [
            weft.spawn(program.wait, 60),
            weft.spawn(program.wait),
            weft.spawn(program.wait, 60),
        ]
        weft.sleep(0.001)
        assert all(task.state == "parked" for task in waits)
        program.stdin.close()
        assert [task.result() for task in waits] == [0, 0, 0]


def test_a_program_that_takes_too_long_is_killed() -> None:
    before = children()
    with pytest.raises(subprocess.TimeoutExpired) as caught:
        subprocess.run(["sh", "-c", "echo half; exec sleep 60"], capture_output=True, timeout=0.5)
    assert caught.value.stdout in (b"half\n", None)
    assert children() == before


def test_a_cancelled_task_leaves_its_program_to_others() -> None:
    with subprocess.Popen(["sleep", "60"], stdout=subprocess.PIPE) as program:
        for wait in (program.wait, program.communicate, program.stdout.read):
            task = weft.spawn(wait)
            weft.sleep(0.001)
            task.cancel()
            with pytest.raises(weft.Cancelled):
                task.result()
        program.kill()
        assert program.wait() == -signal.SIGKILL


def test_a_program_is_run_from_any_thread() -> None:
    results: list[bytes] = []

    def run() -> None:
        tasks = [weft.spawn(subprocess.check_output, ["echo", str(n)]) for n in range(5)]
        results.extend(task.result() for task in tasks)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == sorted([b"%d\n" % n for n in range(5)] * 3)


def test_a_program_that_cannot_be_started_says_why() -> None:
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        subprocess.run(["no-such-program"])
    with pytest.raises(stdlib.CalledProcessError, match="status 3"):
        subprocess.run(["sh", "-c", "exit 3"], check=True)


def test_the_files_of_a_popen_are_of_the_stdlibs_kind() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(["cat"], stdin=pipe, stdout=pipe, text=True) as program:
        assert isinstance(program.stdout, io.TextIOWrapper)
        assert isinstance(program.stdout.buffer, io.BufferedReader)
        assert isinstance(program.stdin.buffer, io.BufferedWriter)
        assert os.get_blocking(program.stdout.fileno())
        program.stdin.close()


BLOCKING = "import os, sys; print(os.get_blocking(int(sys.argv[1])))"


@pytest.mark.parametrize("how", ["stdin", "pass_fds", "close_fds", "timeout"])
def test_a_program_gets_a_socket_as_its_user_sees_it(how: str) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        if how == "timeout":
            theirs.settimeout(5)
        keywords: dict[str, object] = {"stdin": theirs}
        if how == "pass_fds":
            keywords = {"pass_fds": [theirs.fileno()]}
        elif how == "close_fds":
            theirs.set_inheritable(True)
            keywords = {"close_fds": False}
        fd = 0 if "stdin" in keywords else theirs.fileno()
        words = [sys.executable, "-c", BLOCKING, str(fd)]
        assert subprocess.check_output(words, text=True, **keywords) == f"{how != 'timeout'}\n"


def test_descriptors_and_children_are_given_back() -> None:
    subprocess.run(["true"], capture_output=True, timeout=60)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        subprocess.run(["cat"], input=b"x", capture_output=True, timeout=60)
    assert len(os.listdir("/proc/self/fd")) == before
