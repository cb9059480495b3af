"""Files on pipes, terminals and sockets: they park the task, and nobody's O_NONBLOCK is touched."""

import fcntl
import io
import os
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

import weft
import weft.socket
from weft._core import _pipe
from weft._files import FileIO, open_fd, waits

Pipe = tuple[int, int]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """(read, write); closed afterwards, unless the test did."""
    ends = os.pipe()
    yield ends
    for fd in ends:
        try:
            os.close(fd)
        except OSError:
            pass


def is_blocking(fd: int) -> bool:
    return not fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK


# -- read and write of descriptors ---------------------------------------------------------


def test_a_read_waits_for_data_and_leaves_the_pipe_blocking(pipe: Pipe) -> None:
    reader, writer = pipe
    task = weft.spawn(_pipe.read, reader, 100)
    weft.checkpoint()
    assert task.wait_kind == "read"
    assert is_blocking(reader)
    os.write(writer, b"data")
    assert task.result() == b"data"


def test_a_write_of_more_than_fits_waits_for_room_and_gives_all(pipe: Pipe) -> None:
    reader, writer = pipe
    data = os.urandom(300_000)
    task = weft.spawn(_pipe.write, writer, data)
    weft.checkpoint()
    assert task.wait_kind == "write"
    assert is_blocking(writer)
    got = b""
    while len(got) < len(data):
        got += _pipe.read(reader, 100_000)
    assert got == data
    assert task.result() == len(data)


def test_the_end_is_told(pipe: Pipe) -> None:
    reader, writer = pipe
    task = weft.spawn(_pipe.read, reader, 100)
    weft.checkpoint()
    os.close(writer)
    assert task.result() == b""


def test_a_pipe_nobody_reads_is_broken_also_while_a_task_waits_for_room(pipe: Pipe) -> None:
    reader, writer = pipe
    task = weft.spawn(_pipe.write, writer, bytes(70_000))
    weft.checkpoint()
    os.close(reader)
    assert task.result() == 65536
    with pytest.raises(BrokenPipeError):
        _pipe.write(writer, b"x")


def test_a_non_blocking_descriptor_keeps_its_error(pipe: Pipe) -> None:
    reader, writer = pipe
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    with pytest.raises(BlockingIOError):
        _pipe.read(reader, 1)
    assert _pipe.write(writer, bytes(100_000)) == 65536
    with pytest.raises(BlockingIOError):
        _pipe.write(writer, b"x")


def test_many_readers_of_one_pipe_never_block_each_other(pipe: Pipe) -> None:
    reader, writer = pipe
    tasks = [weft.spawn(_pipe.read, reader, 1) for _ in range(50)]
    weft.checkpoint()
    for number in range(50):
        _pipe.write(writer, bytes([number]))
        weft.checkpoint()
    assert sorted(task.result() for task in tasks) == [bytes([n]) for n in range(50)]


def test_a_terminal_takes_more_than_it_has_room_for() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    writer = weft.spawn(_pipe.write, slave, b"\n" * 200_000)
    got = 0
    while got < 200_000:
        got += len(_pipe.read(master, 4096))
    assert writer.result() == 200_000
    reader = weft.spawn(_pipe.read, slave, 100)
    weft.checkpoint()
    _pipe.write(master, b"typed")
    assert reader.result() == b"typed"
    os.close(master)
    os.close(slave)


def test_a_green_socket_without_timeout_is_waited_for_by_its_descriptor() -> None:
    ours, theirs = weft.socket.socketpair()
    with ours, theirs:
        task = weft.spawn(_pipe.read, ours.fileno(), 100)
        weft.checkpoint()
        theirs.sendall(b"data")
        assert task.result() == b"data"
        ours.settimeout(5)
        with pytest.raises(BlockingIOError):
            _pipe.read(ours.fileno(), 100)


def test_files_on_disk_are_read_and_written_plainly(tmp_path: Path) -> None:
    with open(tmp_path / "file", "w+b", buffering=0) as file:
        assert _pipe.write(file.fileno(), bytes(100_000)) == 100_000
        assert _pipe.read(file.fileno(), 10) == b""
        file.seek(0)
        assert len(_pipe.read(file.fileno(), 200_000)) == 100_000
        assert not waits(file.fileno())


def test_errors_are_the_kernels(pipe: Pipe) -> None:
    reader, writer = pipe
    for call, argument in ((_pipe.read, 1), (_pipe.write, b"x")):
        with pytest.raises(OSError, match="Bad file descriptor"):
            call(writer if call is _pipe.read else reader, argument)
    with pytest.raises(OSError, match="Invalid argument"):
        _pipe.read(reader, -1)


OLD_KERNEL = """
import ctypes, errno, os, struct, weft
from weft._core import _pipe

def refuse(*numbers):
    "Have the kernel know none of these system calls, as one of old."
    code = [(0x20, 0, 0, 0)]
    code += [(0x15, len(numbers) - i, 0, number) for i, number in enumerate(numbers)]
    code += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x00050000 | errno.ENOSYS)]
    text = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in code))
    program = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(text))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, program, 0, 0) == 0

refuse(*{"x86_64": (327, 328), "aarch64": (286, 287)}[os.uname().machine])  # preadv2, pwritev2
reader, writer = os.pipe()
try:
    os.preadv(reader, [bytearray(1)], 0, os.RWF_NOWAIT)
except OSError as error:
    print(errno.errorcode[error.errno])
task = weft.spawn(_pipe.write, writer, bytes(300_000))
weft.checkpoint()
got = 0
while got < 300_000:
    got += len(_pipe.read(reader, 65536))
task.result()
reading = weft.spawn(_pipe.read, reader, 10)
weft.checkpoint()
print(reading.wait_kind)
_pipe.write(writer, b"data")
print(reading.result())
"""


def test_a_kernel_that_cannot_read_pipes_without_waiting_is_asked_by_poll(run_python) -> None:
    done = run_python("-c", OLD_KERNEL)
    assert done.stdout.split("\n")[:3] == ["ENOTSUP", "read", "b'data'"], done.stderr


# -- files ---------------------------------------------------------------------------------


def test_a_line_is_waited_for_in_a_text_file(pipe: Pipe) -> None:
    reader, writer = pipe
    with open_fd(reader) as lines, open_fd(writer, "w") as out:
        task = weft.spawn(lines.readline)
        weft.checkpoint()
        assert task.wait_kind == "read"
        print("a line", file=out, flush=True)
        assert task.result() == "a line\n"
        out.close()
        assert lines.read() == ""


def test_tasks_take_turns_in_a_buffered_file(pipe: Pipe) -> None:
    reader, writer = pipe
    with open_fd(reader, "rb") as lines, open_fd(writer, "wb") as out:
        tasks = [weft.spawn(lines.readline) for _ in range(3)]
        weft.checkpoint()
        out.write(b"1\n2\n3\n")
        out.flush()
        assert [task.result() for task in tasks] == [b"1\n", b"2\n", b"3\n"]


def test_a_buffered_writer_waits_for_room(pipe: Pipe) -> None:
    reader, writer = pipe
    with open_fd(reader, "rb") as source, open_fd(writer, "wb") as out:
        sent = weft.spawn(lambda: (out.write(bytes(500_000)), out.close()))
        assert source.read() == bytes(500_000)
        sent.result()


def test_the_classes_are_the_stdlibs_own_kind(pipe: Pipe) -> None:
    reader, writer = pipe
    with open_fd(reader) as lines, open_fd(writer, "wb", 0) as out:
        assert isinstance(lines, io.TextIOWrapper)
        assert isinstance(lines.buffer, io.BufferedReader)
        assert isinstance(lines.buffer.raw, io.FileIO)
        assert type(out) is FileIO
        assert repr(out).endswith(f"FileIO name={writer} mode='wb' closefd=True>")


def test_a_close_wakes_who_reads_the_raw_file(pipe: Pipe) -> None:
    file = FileIO(pipe[0])
    task = weft.spawn(file.read, 10)
    weft.checkpoint()
    file.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        task.result()


def test_a_non_blocking_raw_file_returns_none(pipe: Pipe) -> None:
    os.set_blocking(pipe[0], False)
    file = FileIO(pipe[0], closefd=False)
    assert file.read(1) is None
    assert file.readinto(bytearray(1)) is None
    assert file.readall() is None
    os.write(pipe[1], b"data")
    assert file.read() == b"data"


def test_a_file_refuses_what_it_is_not_open_for(pipe: Pipe) -> None:
    with FileIO(pipe[0]) as source, FileIO(pipe[1], "wb") as target:
        with pytest.raises(io.UnsupportedOperation):
            source.write(b"")
        for method in (target.read, lambda: target.readinto(bytearray(1))):
            with pytest.raises(io.UnsupportedOperation):
                method()
    with pytest.raises(ValueError, match="closed file"):
        source.read(1)


def test_a_file_on_disk_is_the_stdlibs(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "file", os.O_CREAT | os.O_RDWR)
    with open_fd(fd, "rb") as file:
        assert type(file) is io.BufferedReader
