"""Green select, poll and epoll: the answers of the kernel, given to parked tasks."""

import contextlib
import errno
import fcntl
import os
import resource
import select as stdlib
import threading
from collections.abc import Callable, Iterator

import pytest

import weft
from weft import select, socket

SECONDS = 20
READ, WRITE = select.POLLIN, select.POLLOUT

Waiter = Callable[[dict[int, int], float | None], dict[int, int]]


def by_select(wanted: dict[int, int], seconds: float | None) -> dict[int, int]:
    lists = [[fd for fd, events in wanted.items() if events & bit] for bit in (READ, WRITE)]
    readable, writable, _ = select.select(*lists, [], seconds)
    return {fd: READ * (fd in readable) | WRITE * (fd in writable) for fd in {*readable, *writable}}


def by_poll(wanted: dict[int, int], seconds: float | None) -> dict[int, int]:
    poll = select.poll()
    for fd, events in wanted.items():
        poll.register(fd, events)
    return dict(poll.poll(None if seconds is None else seconds * 1000))


def by_epoll(wanted: dict[int, int], seconds: float | None) -> dict[int, int]:
    with select.epoll() as epoll:
        for fd, events in wanted.items():
            epoll.register(fd, events)
        return dict(epoll.poll(seconds))


@pytest.fixture(params=[by_select, by_poll, by_epoll])
def wait(request: pytest.FixtureRequest) -> Waiter:
    return request.param


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for fd in (reader, writer):
        with contextlib.suppress(OSError):
            os.close(fd)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def fill(sock: socket.socket) -> None:
    with pytest.raises(BlockingIOError):
        while True:
            sock.send(bytes(100_000), socket.MSG_DONTWAIT)


def closed_descriptor() -> int:
    """A number no file has, too high for one that is opened meanwhile to get it."""
    fd = fcntl.fcntl(1, fcntl.F_DUPFD, 900)
    os.close(fd)
    return fd


def parked(wait: Waiter, wanted: dict[int, int], seconds: float | None = None) -> weft.Task:
    task = weft.spawn(wait, wanted, seconds)
    weft.checkpoint()
    assert task.state == "parked"
    return task


class TestWaiting:
    def test_for_input(self, wait: Waiter, pipe) -> None:
        task = parked(wait, {pipe[0]: READ})
        os.write(pipe[1], b"x")
        assert task.result(SECONDS) == {pipe[0]: READ}

    def test_for_room(self, wait: Waiter, pair) -> None:
        fill(pair[0])
        task = parked(wait, {pair[0].fileno(): WRITE})
        pair[1].recv(10_000_000)
        assert task.result(SECONDS) == {pair[0].fileno(): WRITE}

    def test_for_one_of_many(self, wait: Waiter, pipe) -> None:
        with contextlib.ExitStack() as stack:
            pairs = [socket.socketpair() for _ in range(20)]
            for sock in [sock for pair in pairs for sock in pair]:
                stack.enter_context(sock)
            wanted = {pair[0].fileno(): READ for pair in pairs} | {pipe[0]: READ}
            task = parked(wait, wanted)
            pairs[7][1].send(b"x")
            assert task.result(SECONDS) == {pairs[7][0].fileno(): READ}

    def test_both_directions(self, wait: Waiter, pair) -> None:
        fd = pair[0].fileno()
        assert wait({fd: READ | WRITE}, None) == {fd: WRITE}
        pair[1].send(b"x")
        assert wait({fd: READ | WRITE}, None) == {fd: READ | WRITE}

    def test_what_is_ready_does_not_park(self, wait: Waiter, pipe) -> None:
        weft.checkpoint()
        other = weft.spawn(lambda: None)
        assert wait({pipe[1]: WRITE}, None) == {pipe[1]: WRITE}
        assert not other.done

    def test_what_is_always_ready_lets_others_run(self, wait: Waiter, pipe) -> None:
        other = weft.spawn(lambda: None)
        while not other.done:
            wait({pipe[1]: WRITE}, None)

    def test_zero_only_looks(self, wait: Waiter, pipe) -> None:
        weft.checkpoint()
        other = weft.spawn(lambda: None)
        assert wait({pipe[0]: READ}, 0) == {}
        assert not other.done

    def test_looking_again_and_again_lets_others_run(self, wait: Waiter, pipe) -> None:
        other = weft.spawn(lambda: None)
        while not other.done:
            wait({pipe[0]: READ}, 0)

    def test_a_timeout(self, wait: Waiter, pipe) -> None:
        start = weft.now()
        assert wait({pipe[0]: READ}, 0.0123) == {}
        assert weft.now() >= start + 0.0123

    def test_nothing_but_a_timeout(self, wait: Waiter) -> None:
        start = weft.now()
        assert wait({}, 0.0123) == {}
        assert weft.now() >= start + 0.0123

    def test_the_end_of_a_pipe(self, wait: Waiter, pipe) -> None:
        task = parked(wait, {pipe[0]: READ})
        os.close(pipe[1])
        assert task.result(SECONDS)[pipe[0]] & (READ | select.POLLHUP)

    def test_cancelled(self, wait: Waiter, pipe) -> None:
        task = parked(wait, {pipe[0]: READ})
        task.cancel()
        with pytest.raises(weft.Cancelled):
            task.result(SECONDS)
        os.write(pipe[1], b"x")
        assert wait({pipe[0]: READ}, None) == {pipe[0]: READ}

    def test_two_tasks_on_one_descriptor(self, wait: Waiter, pipe) -> None:
        tasks = [parked(wait, {pipe[0]: READ}) for _ in range(2)]
        os.write(pipe[1], b"x")
        assert [task.result(SECONDS) for task in tasks] == [{pipe[0]: READ}] * 2

    def test_drained_by_another_task_first(self, wait: Waiter, pair) -> None:
        one, other = pair
        task = parked(wait, {other.fileno(): READ})
        reader = weft.spawn(other.recv, 1)
        weft.checkpoint()
        one.send(b"x")
        reader.result(SECONDS)
        for _ in range(3):
            weft.checkpoint()
        one.send(b"y")
        assert task.result(SECONDS) == {other.fileno(): READ}

    def test_a_socket_that_tasks_have_used(self, wait: Waiter, pair) -> None:
        """Its edges were reported already: only the level counts here."""
        one, other = pair
        for _ in range(3):
            reader = weft.spawn(other.recv, 10)
            weft.checkpoint()
            one.send(b"some")
            assert reader.result(SECONDS) == b"some"
            assert wait({other.fileno(): READ}, 0) == {}
            task = parked(wait, {other.fileno(): READ})
            one.send(b"more")
            assert task.result(SECONDS) == {other.fileno(): READ}
            assert wait({other.fileno(): READ}, None) == {other.fileno(): READ}
            assert other.recv(10) == b"more"

    def test_in_a_native_thread(self, wait: Waiter, pipe) -> None:
        found: list[dict[int, int]] = []
        thread = threading.Thread(target=lambda: found.append(wait({pipe[0]: READ}, SECONDS)))
        thread.start()
        os.write(pipe[1], b"x")
        thread.join()
        assert found == [{pipe[0]: READ}]


class TestWishesOfItsOwn:
    """What the hub's poller cannot tell apart from input is waited for exactly."""

    def passes(self) -> int:
        return weft.lowlevel.statistics()["passes"]

    def test_urgent_data_while_there_is_other_data(self) -> None:
        with (
            socket.create_server(("127.0.0.1", 0)) as server,
            socket.create_connection(server.getsockname()) as one,
            server.accept()[0] as other,
        ):
            one.send(b"plain")
            task = weft.spawn(select.select, [], [], [other], SECONDS)
            weft.checkpoint()
            before = self.passes()
            weft.sleep(0.02)
            assert self.passes() - before < 20
            one.send(b"!", socket.MSG_OOB)
            assert task.result(SECONDS) == ([], [], [other])

    @pytest.mark.parametrize("events", [0, select.POLLPRI, select.POLLERR])
    def test_only_the_end(self, pipe, events) -> None:
        poll = select.poll()
        poll.register(pipe[0], events)
        os.write(pipe[1], b"x")
        task = weft.spawn(poll.poll)
        weft.checkpoint()
        before = self.passes()
        weft.sleep(0.02)
        assert self.passes() - before < 20
        os.close(pipe[1])
        assert task.result(SECONDS) == [(pipe[0], select.POLLHUP)]

    def test_the_end_of_the_peers_stream(self, pair) -> None:
        one, other = pair
        poll = select.poll()
        poll.register(other, select.POLLRDHUP)
        one.send(b"x")
        task = weft.spawn(poll.poll)
        weft.checkpoint()
        one.shutdown(socket.SHUT_WR)
        assert task.result(SECONDS) == [(other.fileno(), select.POLLRDHUP)]


class TestClosed:
    def test_select_fails(self, pair) -> None:
        one = pair[0]
        with pytest.raises(ValueError, match="negative"):
            select.select([-1], [], [], 0)
        task = weft.spawn(select.select, [one], [], [])
        weft.checkpoint()
        one.close()
        with pytest.raises(OSError) as caught:
            task.result(SECONDS)
        assert caught.value.errno == errno.EBADF

    def test_poll_says_so(self, pair) -> None:
        one = pair[0]
        fd = one.fileno()
        poll = select.poll()
        poll.register(one, READ)
        task = weft.spawn(poll.poll)
        weft.checkpoint()
        one.close()
        assert task.result(SECONDS) == poll.poll() == [(fd, select.POLLNVAL)]

    def test_waiters_in_a_closed_epoll_are_told(self, pair) -> None:
        epoll = select.epoll()
        epoll.register(pair[0], READ)
        task = weft.spawn(epoll.poll)
        weft.checkpoint()
        epoll.close()
        assert epoll.closed
        epoll.close()
        with pytest.raises(ValueError, match="closed epoll"):
            task.result(SECONDS)
        for call in (epoll.poll, epoll.fileno, epoll.__enter__, lambda: epoll.register(0)):
            with pytest.raises(ValueError, match="closed epoll"):
                call()


class TestObjects:
    def test_select_returns_the_objects_given(self, pair) -> None:
        one, other = pair
        one.send(b"x")
        assert select.select([other, one], [one], ()) == ([other], [one], [])
        assert select.select(iter([other]), iter([]), {one}, 0) == ([other], [], [])

    def test_select_returns_the_objects_given_after_a_wait(self, pair) -> None:
        one, other = pair
        task = weft.spawn(select.select, [other, other.fileno(), other], [], [one])
        weft.checkpoint()
        one.send(b"x")
        assert task.result(SECONDS) == ([other, other.fileno(), other], [], [])

    def test_poll_object(self, pair) -> None:
        one, other = pair
        poll = select.poll()
        poll.register(other, READ)
        poll.register(one)
        assert poll.poll() == [(one.fileno(), WRITE)]
        poll.modify(one, READ)
        assert poll.poll(0) == []
        poll.unregister(one)
        with pytest.raises(KeyError):
            poll.unregister(one)
        with pytest.raises(FileNotFoundError):
            poll.modify(one, READ)

    def test_registered_while_it_waits(self, pair, pipe) -> None:
        poll = select.poll()
        poll.register(pair[0], READ)
        task = weft.spawn(poll.poll)
        weft.checkpoint()
        poll.register(pipe[1], WRITE)
        pair[1].send(b"x")
        assert dict(task.result(SECONDS)) == {pair[0].fileno(): READ, pipe[1]: WRITE}

    def test_one_task_at_a_time_polls(self, pair) -> None:
        poll = select.poll()
        poll.register(pair[0], READ)
        task = weft.spawn(poll.poll)
        weft.checkpoint()
        with pytest.raises(RuntimeError, match="concurrent poll"):
            poll.poll()
        pair[1].send(b"x")
        assert task.result(SECONDS) == [(pair[0].fileno(), READ)] == poll.poll()

    def test_many_tasks_wait_in_one_epoll(self, pair) -> None:
        one, other = pair
        with select.epoll() as epoll:
            epoll.register(other, READ)
            tasks = [weft.spawn(epoll.poll) for _ in range(5)]
            weft.checkpoint()
            one.send(b"x")
            assert [task.result(SECONDS) for task in tasks] == [[(other.fileno(), READ)]] * 5

    def test_epoll_keeps_edges_and_limits(self, pair) -> None:
        one, other = pair
        with select.epoll() as epoll:
            epoll.register(other, READ | select.EPOLLET)
            epoll.register(one, WRITE)
            one.send(b"x")
            assert len(epoll.poll(maxevents=1)) == 1
            epoll.unregister(one)
            epoll.poll(0)
            task = weft.spawn(epoll.poll)
            weft.checkpoint()
            assert task.state == "parked"
            one.send(b"y")
            assert task.result(SECONDS) == [(other.fileno(), READ)]
            with select.epoll.fromfd(os.dup(epoll.fileno())) as again:
                again.modify(other, READ)
                assert again.poll() == [(other.fileno(), READ)]

    def test_instances(self) -> None:
        with select.epoll() as green, stdlib.epoll() as original:
            assert isinstance(green, select.epoll)
            assert isinstance(original, select.epoll)
            assert not isinstance(select.poll(), select.epoll)
        with pytest.raises(TypeError, match="cannot create"):
            type(select.poll())()

    def test_in_a_class_they_are_no_methods(self, pipe) -> None:
        class Asks:
            ask = select.select
            make = select.poll

        assert Asks().ask([pipe[0]], [pipe[1]], [], 0) == ([], [pipe[1]], [])
        assert Asks().make().poll(0) == []


BAD_TIMEOUTS = [float("nan"), 1 << 70, 1e300, "1", b"", [], complex(1)]


class TestErrors:
    """Each module gets the same call; what it raises must be the same."""

    def outcome(self, call: Callable, module) -> tuple[type[BaseException], str] | None:
        try:
            call(module)
        except Exception as error:
            return type(error), str(error)
        return None

    @pytest.mark.parametrize("timeout", [*BAD_TIMEOUTS, -1, -0.5])
    def test_timeout_of_select(self, timeout) -> None:
        def call(module) -> None:
            module.select([], [], [], timeout)

        assert self.outcome(call, select) == self.outcome(call, stdlib) is not None

    @pytest.mark.parametrize("timeout", [*BAD_TIMEOUTS, 1 << 31, -1 << 70])
    def test_timeout_of_poll(self, timeout) -> None:
        def call(module) -> None:
            module.poll().poll(timeout)

        assert self.outcome(call, select) == self.outcome(call, stdlib) is not None

    @pytest.mark.parametrize("timeout", [*BAD_TIMEOUTS, 1 << 31])
    def test_timeout_of_epoll(self, timeout) -> None:
        def call(module) -> None:
            with module.epoll() as epoll:
                epoll.poll(timeout)

        assert self.outcome(call, select) == self.outcome(call, stdlib) is not None

    @pytest.mark.parametrize(
        "call",
        [
            lambda m: m.select([object()], [], []),
            lambda m: m.select(["0"], [], []),
            lambda m: m.select(1, [], []),
            lambda m: m.select([], []),
            lambda m: m.select([9999], [], [], 0),
            lambda m: m.select([closed_descriptor()], [], []),
            lambda m: m.poll().register("x"),
            lambda m: m.poll().register(-1),
            lambda m: m.poll().register(0, -1),
            lambda m: m.poll().register(0, 1 << 16),
            lambda m: m.poll().register(),
            lambda m: m.poll().modify(0, 1),
            lambda m: m.poll().unregister(0),
            lambda m: m.epoll(sizehint=-2),
            lambda m: m.epoll(flags=12),
            lambda m: m.epoll("x"),
            lambda m: m.epoll().register(closed_descriptor()),
            lambda m: m.epoll().register(-1),
            lambda m: m.epoll().modify(0, 1),
            lambda m: m.epoll().poll(0, 0),
            lambda m: m.epoll().poll(0, -2),
        ],
    )
    def test_arguments(self, call) -> None:
        ours, theirs = self.outcome(call, select), self.outcome(call, stdlib)
        assert ours is not None
        assert theirs is not None
        assert ours[0] is theirs[0]

    def test_above_fd_setsize_only_poll_and_epoll_serve(self, pipe) -> None:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        high = min(limit, 3000) - 1
        if high < 1024:
            pytest.fail(f"only {limit} descriptors allowed: nothing is above FD_SETSIZE")
        os.dup2(pipe[0], high)
        try:
            with pytest.raises(ValueError, match="filedescriptor out of range"):
                select.select([high], [], [], 0)
            # The hub's own poller may have the same limit.
            above = weft.lowlevel.statistics()["poller"] != "select"
            for wait in (by_poll, by_epoll) if above else ():
                task = parked(wait, {high: READ})
                os.write(pipe[1], b"x")
                assert task.result(SECONDS) == {high: READ}
                os.read(pipe[0], 1)
        finally:
            os.close(high)

    def test_a_regular_file_is_always_ready(self, tmp_path) -> None:
        with (tmp_path / "file").open("w+b") as file:
            assert select.select([file], [file], [file]) == ([file], [file], [])
            poll = select.poll()
            poll.register(file, READ)
            assert poll.poll() == [(file.fileno(), READ)]
            poll.modify(file, select.POLLPRI)
            assert poll.poll(10) == []
            with select.epoll() as epoll, pytest.raises(PermissionError):
                epoll.register(file)


def test_every_name_of_the_stdlib() -> None:
    assert {*dir(stdlib)} <= {*dir(select)}
    assert select.POLLIN is stdlib.POLLIN
    assert select.error is OSError
