"""events: descriptors watched, and what other threads ask of a loop."""

import itertools
import logging
import os
import random
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

import weft
import weft.testing
from weft import events, lowlevel

RUNS = 300


pytestmark = pytest.mark.usefixtures("no_task_is_left")


@pytest.fixture
def loop() -> events.Loop:
    return events.Loop()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def clock() -> Iterator[weft.testing.Clock]:
    with weft.testing.virtual_time() as clock:
        yield clock


def run_for(loop: events.Loop, seconds: float) -> None:
    loop.call_later(seconds, loop.stop)
    loop.run()


def turns(n: int = 3) -> None:
    for _ in range(n):
        weft.checkpoint()


def park() -> None:
    lowlevel.park("test")


# -- on_readable -----------------------------------------------------------------------


def test_it_calls_when_there_is_something_and_again_while_there_is(
    loop: events.Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = pair
    seen: list[bytes] = []

    def read() -> None:
        seen.append(ours.recv(2))
        if seen[-1] == b"":
            handle.cancel()
            loop.stop()

    handle = loop.on_readable(ours, read)
    loop.call_later(0.001, lambda: theirs.send(b"abcde"))
    loop.call_later(0.005, theirs.close)
    loop.run()
    assert seen == [b"ab", b"cd", b"e", b""]


@pytest.mark.usefixtures("clock")
def test_never_two_calls_of_one_watch_at_a_time(
    loop: events.Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = pair
    inside: list[int] = [0]

    def read() -> None:
        inside[0] += 1
        assert inside[0] == 1
        turns(5)  # still readable meanwhile
        ours.recv(1)
        inside[0] -= 1

    theirs.send(b"x" * 50)
    loop.on_readable(ours.fileno(), read)
    run_for(loop, 0.05)
    ours.setblocking(False)
    with pytest.raises(BlockingIOError):
        ours.recv(1)


@pytest.mark.usefixtures("clock")
def test_a_call_that_does_not_read_is_made_again_and_stops_nobody(
    loop: events.Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    calls = itertools.count(1)
    pair[1].send(b"x")
    loop.on_readable(pair[0], lambda: next(calls) == 5 and loop.stop())
    loop.run()
    assert next(calls) > 5


@pytest.mark.parametrize("as_object", [True, False], ids=["object", "int"])
@pytest.mark.usefixtures("clock")
def test_a_blocked_reader_holds_up_no_other(as_object: bool, loop: events.Loop) -> None:
    pipes = [os.pipe() for _ in range(2)]
    seen: list[bytes] = []

    def read(fd: int, wait: bool) -> None:
        seen.append(os.read(fd, 9))
        if wait:
            park()

    for number, (fd, end) in enumerate(pipes):
        loop.on_readable(fd, lambda fd=fd, number=number: read(fd, number == 0))
        os.write(end, b"first")
    loop.call_later(0.002, lambda: [os.write(end, b"second") for _, end in pipes])
    with pytest.raises(TimeoutError), weft.timeout(0.02):
        loop.run()
    assert seen == [b"first", b"first", b"second"]
    for fd in itertools.chain.from_iterable(pipes):
        os.close(fd)


@pytest.mark.usefixtures("clock")
def test_cancel_while_it_waits_and_while_it_is_called(
    loop: events.Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = pair
    log: list[str] = []

    def read() -> None:
        ours.recv(1)
        busy.cancel()
        weft.sleep(0.002)
        log.append("went on")

    waiting = loop.on_readable(theirs, lambda: log.append("never"))
    busy = loop.on_readable(ours, read)
    theirs.send(b"xyz")
    loop.call_later(0.001, waiting.cancel)
    watchers = lambda: [task for task in weft.tasks() if task.name.startswith("watch of")]  # noqa: E731
    loop.call_later(0.0015, lambda: log.append(f"{len(watchers())} watchers"))
    loop.call_later(0.003, lambda: ours.send(b"x"))
    run_for(loop, 0.01)
    assert log == ["0 watchers", "went on"]
    assert loop._watches == {}


@pytest.mark.usefixtures("clock")
def test_a_watch_goes_on_with_the_next_run(
    loop: events.Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = pair
    seen: list[bytes] = []
    handle = loop.on_readable(ours, lambda: seen.append(ours.recv(9)))
    for text in (b"one", b"two"):
        theirs.send(text)
        run_for(loop, 0.005)
    handle.cancel()
    theirs.send(b"three")
    run_for(loop, 0.005)
    assert seen == [b"one", b"two"]


@pytest.mark.usefixtures("clock")
def test_a_descriptor_closed_under_it_ends_the_watch_and_is_logged(
    loop: events.Loop, caplog: pytest.LogCaptureFixture, settle
) -> None:
    waiting, other = weft.socket.socketpair()
    called, sender = weft.socket.socketpair()
    sender.send(b"x")
    handles = [loop.on_readable(waiting, print), loop.on_readable(called, called.close)]
    loop.call_later(0.002, waiting.close)
    with caplog.at_level(logging.ERROR, "weft"):
        run_for(loop, 0.01)
        settle()
    assert [handle.cancelled for handle in handles] == [True, True]
    assert loop._watches == {}
    notes = [record.exc_info[1].__notes__ for record in caplog.records]  # type: ignore
    assert len(notes) == 2 and all("cancel its handle before" in str(note) for note in notes)
    other.close()
    sender.close()


@pytest.mark.usefixtures("clock")
def test_to_cancel_right_after_the_close_is_no_error(
    loop: events.Loop, caplog: pytest.LogCaptureFixture, settle
) -> None:
    ours, theirs = weft.socket.socketpair()
    with theirs:

        def hang_up() -> None:
            ours.close()
            handle.cancel()

        handle = loop.on_readable(ours, print)
        loop.call_later(0.001, hang_up)
        run_for(loop, 0.005)
        settle()
    assert caplog.records == []


@pytest.mark.usefixtures("clock")
def test_a_failing_reader_is_logged_and_called_again(
    loop: events.Loop,
    pair: tuple[socket.socket, socket.socket],
    caplog: pytest.LogCaptureFixture,
    settle,
) -> None:
    ours, theirs = pair
    seen: list[bytes] = []

    def read() -> None:
        seen.append(ours.recv(1))
        if seen[-1] == b"b":
            raise ValueError("cannot bear a b")

    theirs.send(b"abc")
    loop.on_readable(ours, read)
    run_for(loop, 0.01)
    settle()
    assert seen == [b"a", b"b", b"c"]
    assert len(caplog.records) == 1


# -- from other threads ----------------------------------------------------------------


def in_threads(count: int, fn: Callable[[int], object]) -> list[threading.Thread]:
    threads = [threading.Thread(target=fn, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_threads_publish_and_nothing_is_lost(loop: events.Loop) -> None:
    seen: list[tuple[int, int]] = []
    here = threading.get_ident()

    def handle(event: tuple[int, int]) -> None:
        assert threading.get_ident() == here
        seen.append(event)
        if len(seen) == 8 * 1000:
            loop.stop()

    loop.subscribe(tuple, handle)
    threads = in_threads(8, lambda n: [loop.publish((n, i)) for i in range(1000)])
    loop.run()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [(n, i) for n in range(8) for i in range(1000)]
    for n in range(8):
        assert [i for thread, i in seen if thread == n] == list(range(1000))


def test_threads_ask_and_cancel_at_random(loop: events.Loop) -> None:
    called: list[events.Handle] = []
    kept: list[events.Handle] = []
    ended = itertools.count(1)

    def ask(n: int) -> None:
        choose = random.Random(n)
        for i in range(300):
            box: list[events.Handle] = []
            note = lambda *event, box=box: called.extend(box)  # noqa: E731
            handle = choose.choice(
                [
                    lambda: loop.call_later(choose.random() / 100, note),  # noqa: B023
                    lambda: loop.call_soon_threadsafe(note),  # noqa: B023
                    lambda: loop.subscribe(float, note),  # noqa: B023
                ]
            )()
            box.append(handle)
            if choose.random() < 0.5:
                handle.cancel()
            else:
                kept.append(handle)
            if i % 50 == 0:
                loop.publish(1.5)
        if next(ended) == 4:
            loop.call_soon_threadsafe(lambda: loop.publish(2.5))
            loop.call_later(0.05, loop.stop)

    threads = in_threads(4, ask)
    loop.run()
    for thread in threads:
        thread.join()
    assert set(kept) <= set(called)
    assert not any(loop._subscribed[float].keys() - set(kept))


def test_a_watch_of_a_pipe_written_by_a_thread_and_closed_under_load(loop: events.Loop) -> None:
    got = 0
    fd, end = os.pipe()

    def write(n: int) -> None:
        for _ in range(2000):
            os.write(end, b"x")
        os.close(end)

    def read() -> None:
        nonlocal got
        data = os.read(fd, 7)
        got += len(data)
        if not data:
            handle.cancel()
            os.close(fd)
            loop.stop()

    handle = loop.on_readable(fd, read)
    threads = in_threads(1, write)
    loop.run()
    threads[0].join()
    assert got == 2000


def test_a_loop_runs_in_another_thread(loop: events.Loop) -> None:
    seen: list[int] = []
    thread = threading.Thread(target=loop.run)
    loop.subscribe(int, seen.append)
    thread.start()
    for n in range(100):
        loop.publish(n)
    loop.stop()
    weft.offload(thread.join)
    assert seen == list(range(100))
