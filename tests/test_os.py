"""Green os: children are waited for, and whatever has to be waited for parks the task alone."""

import errno
import functools
import os as stdlib
import signal
import socket as native
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

import weft
from weft import os, socket


def child(run: Callable[[], int | None] = lambda: 0) -> int:
    """The pid of a child that does what ``run`` does, and ends with what it returns."""
    pid = stdlib.fork()
    if pid == 0:
        status = 1
        try:
            status = run() or 0
        finally:
            stdlib._exit(status)
    return pid


def alone(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test in a child, which has no children but its own: those of other tests live on."""

    @functools.wraps(test)
    def run(**arguments: object) -> None:
        def body() -> int:
            try:
                test(**arguments)
            except BaseException:
                traceback.print_exc()
                return 1
            return 0

        assert stdlib.waitpid(child(body), 0)[1] == 0

    return run


def gate() -> tuple[Callable[[], None], Callable[[], None]]:
    """(wait, open): a child waits until its parent opens."""
    reader, writer = stdlib.pipe()

    def wait() -> None:
        stdlib.close(writer)
        stdlib.read(reader, 1)

    def go_on() -> None:
        for fd in (reader, writer):
            stdlib.close(fd)

    return wait, go_on


# -- children ------------------------------------------------------------------------------


WAYS = {
    "waitpid": lambda pid: os.waitpid(pid, 0)[1] >> 8,
    "waitpid any": lambda pid: os.waitpid(-1, 0)[1] >> 8,
    "waitpid group": lambda pid: os.waitpid(0, 0)[1] >> 8,
    "wait": lambda pid: os.wait()[1] >> 8,
    "wait3": lambda pid: os.wait3(0)[1] >> 8,
    "wait4": lambda pid: os.wait4(pid, 0)[1] >> 8,
    "waitid": lambda pid: os.waitid(os.P_PID, pid, os.WEXITED).si_status,
    "waitid any": lambda pid: os.waitid(os.P_ALL, 0, os.WEXITED).si_status,
}


@pytest.mark.parametrize("way", WAYS)
@alone
def test_a_child_is_waited_for_while_others_run(way: str) -> None:
    wait, go_on = gate()
    pid = child(lambda: (wait(), 7)[1])
    task = weft.spawn(WAYS[way], pid)
    weft.sleep(0.001)
    assert task.state == "parked"
    go_on()
    assert task.result() == 7
    with pytest.raises(ChildProcessError):
        WAYS[way](pid)


@pytest.mark.parametrize("way", WAYS)
@alone
def test_a_child_that_has_ended_is_found_at_once(way: str) -> None:
    pid = child(lambda: 3)
    stdlib.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert WAYS[way](pid) == 3


def test_each_of_many_waits_gets_its_own_child() -> None:
    wait, go_on = gate()
    pids = {child(lambda n=n: (wait(), n)[1]): n for n in range(20)}
    tasks = {pid: weft.spawn(os.waitpid, pid, 0) for pid in pids}
    weft.sleep(0.001)
    go_on()
    assert {pid: task.result()[1] >> 8 for pid, task in tasks.items()} == pids


@alone
def test_waits_for_any_child_share_them_out() -> None:
    wait, go_on = gate()
    pids = {child(wait) for _ in range(5)}
    tasks = [weft.spawn(os.wait) for _ in pids]
    weft.sleep(0.001)
    go_on()
    assert {task.result()[0] for task in tasks} == pids


def test_a_stopped_child_is_told_of() -> None:
    pid = child(lambda: time.sleep(60))
    task = weft.spawn(os.waitpid, pid, os.WUNTRACED)
    weft.sleep(0.001)
    stdlib.kill(pid, signal.SIGSTOP)
    assert os.WSTOPSIG(task.result()[1]) == signal.SIGSTOP
    stdlib.kill(pid, signal.SIGKILL)
    assert os.waitpid(pid, 0) == (pid, signal.SIGKILL)


@alone
def test_nobody_waits_when_told_not_to() -> None:
    wait, go_on = gate()
    pid = child(wait)
    assert os.waitpid(pid, os.WNOHANG) == (0, 0)
    assert os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG) is None
    assert os.wait3(os.WNOHANG)[0] == 0
    go_on()
    os.waitpid(pid, 0)


@alone
def test_a_cancelled_wait_leaves_the_child_to_the_next() -> None:
    wait, go_on = gate()
    pid = child(wait)
    for way in ("waitpid", "wait"):
        task = weft.spawn(WAYS[way], pid)
        weft.sleep(0.001)
        task.cancel()
        with pytest.raises(weft.Cancelled):
            task.result()
    go_on()
    assert os.waitpid(pid, 0) == (pid, 0)


def test_a_child_is_waited_for_in_any_thread() -> None:
    wait, go_on = gate()
    pid = child(wait)
    results: list[tuple[int, int]] = []
    thread = threading.Thread(target=lambda: results.append(os.waitpid(pid, 0)))
    thread.start()
    go_on()
    thread.join()
    assert results == [(pid, 0)]


def test_no_pidfd_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(pid: int) -> int:
        raise OSError(errno.EMFILE, "no more")

    monkeypatch.setattr("weft._children._pidfd_open", none_left)
    wait, go_on = gate()
    pid = child(wait)
    task = weft.spawn(os.waitpid, pid, 0)
    weft.sleep(0.001)
    go_on()
    assert task.result() == (pid, 0)


def test_commands_in_a_shell_run_beside_each_other(tmp_path: Path) -> None:
    paths = [tmp_path / str(n) for n in range(3)]
    for path in paths:
        stdlib.mkfifo(path)
    tasks = [weft.spawn(os.system, f"cat < {path}; exit {path.name}") for path in paths]
    # Opens when the command has opened the other end: all of them run now.
    fds = [os.open(path, os.O_WRONLY) for path in paths]
    assert all(task.state == "parked" for task in tasks)
    for fd in fds:
        os.close(fd)
    assert [os.waitstatus_to_exitcode(task.result()) for task in tasks] == [0, 1, 2]


def test_popen_is_read_beside_others() -> None:
    with os.popen("cat; exit 2", "w") as pipe:
        pipe.write("")
    files = [os.popen(f"echo {n}; exit {n}") for n in range(3)]
    assert [weft.spawn(file.read).result() for file in files] == ["0\n", "1\n", "2\n"]
    assert [file.close() for file in files] == [None, 256, 512]


# -- descriptors ------------------------------------------------------------------------------


def test_both_ends_of_a_fifo_are_opened_by_tasks(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    stdlib.mkfifo(path)
    reader = weft.spawn(os.open, path, os.O_RDONLY)
    writer = weft.spawn(os.open, path, os.O_WRONLY)
    os.write(writer.result(), b"data")
    assert os.read(reader.result(), 10) == b"data"
    for task in (reader, writer):
        os.close(task.result())


def test_several_buffers_are_read_and_written() -> None:
    reader, writer = os.pipe()
    first, second = bytearray(3), bytearray(10)
    task = weft.spawn(os.readv, reader, [first, second])
    weft.checkpoint()
    assert os.writev(writer, [b"ab", b"cdef"]) == 6
    assert task.result() == 6
    assert (first, second[:3]) == (b"abc", b"def")
    os.close(reader)
    os.close(writer)


def test_an_eventfd_is_waited_for() -> None:
    fd = os.eventfd(0)
    task = weft.spawn(os.eventfd_read, fd)
    weft.checkpoint()
    assert task.wait_kind == "read"
    os.eventfd_write(fd, 5)
    assert task.result() == 5
    os.close(fd)


def test_sendfile_waits_for_room_in_whatever_it_sends_to(tmp_path: Path) -> None:
    data = stdlib.urandom(2_000_000)
    (tmp_path / "file").write_bytes(data)
    for ours, theirs in (socket.socketpair(), native.socketpair()):
        with ours, theirs, open(tmp_path / "file", "rb") as file:
            reader = weft.spawn(_all_of, theirs.fileno(), len(data))
            sent = 0
            while sent < len(data):
                sent += os.sendfile(ours.fileno(), file.fileno(), sent, len(data) - sent)
            assert reader.result() == data


def _all_of(fd: int, size: int) -> bytes:
    got = b""
    while len(got) < size:
        got += os.read(fd, 100_000)
    return got


def test_splice_waits_for_data() -> None:
    ours, theirs = socket.socketpair()
    reader, writer = os.pipe()
    with ours, theirs:
        task = weft.spawn(os.splice, ours.fileno(), writer, 100)
        weft.sleep(0.001)
        theirs.sendall(b"data")
        assert task.result() == 4
        assert os.read(reader, 10) == b"data"
        theirs.sendall(b"more")
        assert ours.recv(10) == b"more"
    os.close(reader)
    os.close(writer)


def test_a_close_wakes_who_waits() -> None:
    reader, writer = os.pipe()
    for close in (os.close, lambda fd: os.closerange(fd, fd + 1), lambda fd: os.dup2(writer, fd)):
        fd = os.dup(reader)
        task = weft.spawn(os.read, fd, 1)
        weft.checkpoint()
        close(fd)
        with pytest.raises(OSError, match="Bad file descriptor"):
            task.result()
    for each in (reader, writer, fd):
        os.close(each)


def test_another_process_has_a_lock(tmp_path: Path) -> None:
    path = tmp_path / "locked"
    path.write_bytes(b"x")
    ready, said = os.pipe()
    wait, go_on = gate()

    def hold() -> None:
        fd = stdlib.open(path, os.O_RDWR)
        stdlib.lockf(fd, os.F_LOCK, 0)
        stdlib.write(said, b"x")
        wait()

    pid = child(hold)
    os.read(ready, 1)
    fd = os.open(path, os.O_RDWR)
    task = weft.spawn(os.lockf, fd, os.F_LOCK, 0)
    weft.sleep(0.001)
    assert task.state == "parked"
    go_on()
    task.result()
    os.waitpid(pid, 0)
    for each in (fd, ready, said):
        os.close(each)


# -- what other programs get ---------------------------------------------------------------------


def test_a_second_descriptor_of_a_green_socket_is_a_blocking_one() -> None:
    ours, theirs = socket.socketpair()
    assert not stdlib.get_blocking(ours.fileno())
    second = os.dup(ours.fileno())
    assert stdlib.get_blocking(second)
    # The socket itself goes on as before, though its file is a blocking one now.
    with ours, theirs:
        for read in (ours.recv, lambda size: ours.recvfrom(size)[0], lambda n: os.read(second, n)):
            task = weft.spawn(read, 10)
            weft.checkpoint()
            assert task.wait_kind == "read"
            theirs.sendall(b"data")
            assert task.result() == b"data"
        task = weft.spawn(ours.sendall, bytes(3_000_000))
        weft.checkpoint()
        assert task.wait_kind == "write"
        assert _all_of(theirs.fileno(), 3_000_000) == bytes(3_000_000)
        task.result()
        ours.settimeout(0)
        assert not stdlib.get_blocking(second)
        ours.settimeout(None)
        assert stdlib.get_blocking(second)
    os.close(second)


def test_a_socket_with_a_timeout_stays_as_python_makes_it() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        os.close(os.dup(ours.fileno()))
        assert not stdlib.get_blocking(ours.fileno())


def test_a_lent_listener_accepts_beside_others() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        os.close(os.dup(server.fileno()))
        assert stdlib.get_blocking(server.fileno())
        accepting = weft.spawn(server.accept)
        weft.checkpoint()
        assert accepting.wait_kind == "read"
        with socket.create_connection(server.getsockname()), accepting.result()[0]:
            pass


def test_a_spawned_program_has_a_blocking_socket() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-c", "import os; os.write(1, b'%d' % os.get_blocking(0))"],
            dict(stdlib.environ),
            file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), fd) for fd in (0, 1)],
        )
        assert ours.recv(10) == b"1"
        assert os.waitpid(pid, 0) == (pid, 0)


@pytest.mark.parametrize("replace", ["os.execv(path, words)", "os.execve(path, words, {})"])
def test_a_program_that_replaces_its_own_leaves_a_blocking_socket(run_python, replace) -> None:
    done = run_python(
        "-c",
        f"""
import sys
from weft import os, socket
ours, theirs = socket.socketpair()
ours.set_inheritable(True)
path = sys.executable
words = [path, "-c", f"import os; print(os.get_blocking({{ours.fileno()}}))"]
{replace}
""",
    )
    assert done.stdout == "True\n", done.stderr


def test_what_is_known_of_a_function_is_known_of_its_counterpart() -> None:
    assert os.open in os.supports_dir_fd
    assert os.execve in os.supports_fd
