"""What every poller reports: readable, writable, ends, errors, many waiters, many files."""

import errno
import os
import socket
import tempfile
from select import POLLIN, POLLOUT, POLLPRI

import pytest

import weft
from weft import lowlevel


def test_readable_once_there_is_something(pipe, parked) -> None:
    reader, writer = pipe()
    task = parked(lowlevel.wait_readable, reader)
    weft.sleep(1e-4)
    assert task.state == "parked"
    os.write(writer, b"x")
    assert task.result() is None
    assert os.read(reader, 10) == b"x"


def test_readable_at_once_if_there_is_something(pipe) -> None:
    reader, writer = pipe()
    os.write(writer, b"x")
    lowlevel.wait_readable(reader)
    lowlevel.wait_readable(reader)


def test_writable_at_once_if_there_is_room(pipe) -> None:
    _, writer = pipe()
    lowlevel.wait_writable(writer)


def test_writable_once_there_is_room(pipe, parked, fill, drain) -> None:
    reader, writer = pipe()
    fill(writer)
    task = parked(lowlevel.wait_writable, writer)
    weft.sleep(1e-4)
    assert task.state == "parked"
    drain(reader)
    task.join()


def test_both_directions_of_one_descriptor(pair, parked, fill, drain) -> None:
    mine, theirs = pair()
    fill(mine.fileno())
    reading = parked(lowlevel.wait_readable, mine.fileno())
    writing = parked(lowlevel.wait_writable, mine.fileno())
    theirs.send(b"x")
    reading.join()
    assert writing.state == "parked"
    drain(theirs.fileno())
    writing.join()


def test_one_direction_goes_on_when_the_other_gives_up(pair, parked, fill, drain) -> None:
    mine, theirs = pair()
    fill(mine.fileno())
    reading = parked(lowlevel.wait_readable, mine.fileno())
    writing = parked(lowlevel.wait_writable, mine.fileno())
    writing.cancel()
    writing.join()
    theirs.send(b"x")
    reading.join()
    drain(theirs.fileno())
    lowlevel.wait_writable(mine.fileno())


def test_an_event_wakes_every_task_that_waits_for_it(pipe, parked) -> None:
    reader, writer = pipe()
    tasks = [parked(lowlevel.wait_readable, reader) for _ in range(50)]
    for task in tasks[10:20]:
        task.cancel()
    os.write(writer, b"x")
    weft.joinall(tasks)
    assert all(task.exception is None for task in tasks[:10] + tasks[20:])


def test_who_waits_after_an_event_waits_for_the_next(pipe, parked) -> None:
    reader, writer = pipe()
    for _ in range(20):
        task = parked(lowlevel.wait_readable, reader)
        os.write(writer, b"x")
        task.join()
        assert os.read(reader, 10) == b"x"


def test_a_reader_that_leaves_data_is_woken_again(pipe) -> None:
    reader, writer = pipe()
    os.write(writer, b"xyz")
    for expected in (b"x", b"y", b"z"):
        lowlevel.wait_readable(reader)
        assert os.read(reader, 1) == expected


# -- ends and errors ------------------------------------------------------------------------


def test_the_end_of_a_pipe_is_readable(pipe, parked) -> None:
    reader, writer = pipe()
    task = parked(lowlevel.wait_readable, reader)
    os.close(writer)
    task.join()
    assert os.read(reader, 1) == b""


def test_a_pipe_nobody_reads_is_writable(pipe, parked, fill) -> None:
    reader, writer = pipe()
    fill(writer)
    task = parked(lowlevel.wait_writable, writer)
    os.close(reader)
    task.join()
    with pytest.raises(BrokenPipeError):
        os.write(writer, b"x")


@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET])
def test_a_connection_closed_by_the_peer_is_readable(pair, parked, family) -> None:
    mine, theirs = pair(family)
    task = parked(lowlevel.wait_readable, mine.fileno())
    theirs.close()
    task.join()
    assert mine.recv(1) == b""


def test_a_connection_half_closed_by_the_peer_is_readable(pair, parked) -> None:
    mine, theirs = pair(socket.AF_INET)
    task = parked(lowlevel.wait_readable, mine.fileno())
    theirs.shutdown(socket.SHUT_WR)
    task.join()
    assert mine.recv(1) == b""
    lowlevel.wait_writable(mine.fileno())


def test_a_reset_wakes_both_directions(pair, parked, fill) -> None:
    mine, theirs = pair(socket.AF_INET)
    fill(mine.fileno())
    tasks = [
        parked(lowlevel.wait_readable, mine.fileno()),
        parked(lowlevel.wait_writable, mine.fileno()),
    ]
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    theirs.close()
    weft.joinall(tasks)
    with pytest.raises(ConnectionResetError):
        mine.recv(1)


def test_a_refused_connection_is_writable(opened) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    client = opened.enter_context(socket.socket())
    client.setblocking(False)
    if client.connect_ex(address) == errno.EINPROGRESS:
        lowlevel.wait_writable(client.fileno())
        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED


def test_urgent_data_wakes_a_reader(pair, parked) -> None:
    mine, theirs = pair(socket.AF_INET)
    task = parked(lowlevel.wait_readable, mine.fileno())
    theirs.send(b"!", socket.MSG_OOB)
    task.join()
    assert mine.recv(1, socket.MSG_OOB) == b"!"


def test_a_regular_file_is_always_ready() -> None:
    with tempfile.TemporaryFile() as file:
        lowlevel.wait_readable(file.fileno())
        lowlevel.wait_writable(file.fileno())
        assert lowlevel.wait_fds([(file.fileno(), POLLIN | POLLOUT)]) is True


@pytest.mark.parametrize("wait", [lowlevel.wait_readable, lowlevel.wait_writable])
def test_a_descriptor_that_is_not_open_is_refused(wait, pipe) -> None:
    reader, _ = pipe()
    os.close(reader)
    with pytest.raises(OSError) as seen:
        wait(reader)
    assert seen.value.errno == errno.EBADF
    with pytest.raises(OSError):
        lowlevel.wait_fds([(reader, POLLIN)])


@pytest.mark.parametrize("fd", [-1, -5])
def test_a_negative_descriptor_is_refused(fd) -> None:
    for wait in (lowlevel.wait_readable, lowlevel.wait_writable):
        with pytest.raises(ValueError, match="negative"):
            wait(fd)
    with pytest.raises(ValueError, match="negative"):
        lowlevel.wait_fds([(fd, POLLIN)])


@pytest.mark.parametrize("fd", [2**31, 2**70, "0", None])
def test_what_is_no_descriptor_is_refused(fd) -> None:
    with pytest.raises((TypeError, OverflowError)):
        lowlevel.wait_readable(fd)


# -- several at once ---------------------------------------------------------------------------


def test_wait_fds_wakes_for_any_of_them(pipe, parked) -> None:
    pipes = [pipe() for _ in range(5)]
    for _, writer in pipes:
        task = parked(lowlevel.wait_fds, [(reader, POLLIN) for reader, _ in pipes])
        os.write(writer, b"x")
        assert task.result() is True
        os.read(pipes[pipes.index((_, writer))][0], 1)


def test_wait_fds_wakes_once_when_all_are_ready(pipe, parked) -> None:
    pipes = [pipe() for _ in range(50)]
    task = parked(lowlevel.wait_fds, [(reader, POLLIN) for reader, _ in pipes])
    for _, writer in pipes:
        os.write(writer, b"x")
    assert task.result() is True
    assert lowlevel.wait_fds([(reader, POLLIN) for reader, _ in pipes]) is True


def test_wait_fds_with_both_directions(pair, parked, fill, drain) -> None:
    mine, theirs = pair()
    fill(mine.fileno())
    task = parked(lowlevel.wait_fds, [(mine.fileno(), POLLIN | POLLOUT)])
    theirs.send(b"x")
    assert task.result() is True
    mine.recv(1)
    task = parked(lowlevel.wait_fds, [(mine.fileno(), POLLIN | POLLOUT)])
    drain(theirs.fileno())
    assert task.result() is True


def test_wait_fds_of_one_descriptor_twice(pair, parked, fill) -> None:
    mine, theirs = pair()
    fill(mine.fileno())
    fd = mine.fileno()
    task = parked(lowlevel.wait_fds, [(fd, POLLIN), (fd, POLLOUT), (fd, POLLPRI)])
    theirs.send(b"x")
    assert task.result() is True


def test_wait_fds_of_nothing_waits_for_the_deadline() -> None:
    assert lowlevel.wait_fds([], weft.now() + 1e-4) is False


def test_wait_fds_gives_up_at_the_deadline(pipe) -> None:
    reader, _ = pipe()
    assert lowlevel.wait_fds([(reader, POLLIN)], weft.now() + 1e-4) is False
    assert lowlevel.wait_fds([(reader, POLLIN)], 0) is False


def test_wait_fds_leaves_a_changed_list_alone(pipe, parked) -> None:
    reader, writer = pipe()
    wanted = [(reader, POLLIN)]
    task = parked(lowlevel.wait_fds, wanted)
    wanted.clear()
    os.write(writer, b"x")
    assert task.result() is True


# -- many ------------------------------------------------------------------------------------


def test_five_hundred_pipes_at_once(pipe, parked, many_files, poller) -> None:
    """More than a thousand descriptors, where select() can."""
    count = 400 if poller == "select" else 1200
    pipes = [pipe() for _ in range(count)]
    tasks = [weft.spawn(lowlevel.wait_readable, reader) for reader, _ in pipes]
    weft.checkpoint()
    assert lowlevel.statistics()["descriptors"] == count
    for _, writer in reversed(pipes):
        os.write(writer, b"x")
    weft.joinall(tasks)
    assert all(task.exception is None for task in tasks)


def test_a_descriptor_beyond_what_select_takes(pipe, parked, many_files, poller, opened) -> None:
    reader, writer = pipe()
    high = os.dup2(reader, 3000)
    opened.callback(os.close, high)
    if poller == "select":
        other = parked(lowlevel.wait_readable, reader)
        for wait in (lowlevel.wait_readable, lowlevel.wait_writable):
            with pytest.raises(ValueError, match="out of range"):
                wait(high)
        os.write(writer, b"x")
        other.join()
    else:
        task = parked(lowlevel.wait_readable, high)
        os.write(writer, b"x")
        task.join()
