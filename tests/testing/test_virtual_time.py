"""virtual_time: the clock jumps when all tasks park, and everybody's clock with it."""

import socket as stdlib_socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from time import monotonic as taken_by_name
from types import ModuleType

import pytest

import weft
import weft.queue
import weft.threading
from weft import _offload
from weft.testing import virtual_time
from weft.time import sleep as green_sleep


def test_an_hour_passes_at_once() -> None:
    with virtual_time() as clock:
        start = clock.now()
        weft.sleep(3600)
        green_sleep(0.5)
        assert clock.now() == weft.now() == start + 3600.5


def test_it_stands_still_while_tasks_run() -> None:
    with virtual_time() as clock:
        start = clock.now()
        for _ in range(1000):
            weft.checkpoint()
        assert clock.now() == start


def test_what_is_due_first_comes_first() -> None:
    seen = []

    def sleeper(seconds: float) -> None:
        weft.sleep(seconds)
        seen.append(seconds)

    with virtual_time() as clock:
        start = clock.now()
        weft.joinall([weft.spawn(sleeper, n) for n in (30, 10, 86400, 20)])
        assert clock.now() == start + 86400
    assert seen == [10, 20, 30, 86400]


def test_the_stdlibs_clocks_go_along_also_where_taken_by_name() -> None:
    clocks = [time.monotonic, taken_by_name, time.perf_counter, time.time]
    with virtual_time() as clock:
        clocks += [time.monotonic, time.perf_counter, time.time]
        before = [read() for read in clocks[4:]]
        fine = time.monotonic_ns(), time.perf_counter_ns(), time.time_ns()
        mine = taken_by_name()
        assert mine == time.monotonic() == weft.now()
        weft.sleep(60)
        assert [read() for read in clocks[4:]] == pytest.approx([n + 60 for n in before], abs=1e-6)
        assert taken_by_name() == mine + 60 == clock.now()
        now = time.monotonic_ns(), time.perf_counter_ns(), time.time_ns()
        assert [b - a for a, b in zip(fine, now, strict=True)] == [60_000_000_000] * 3
    assert [time.monotonic, taken_by_name, time.perf_counter, time.time] == clocks[:4]


def test_defaults_class_attributes_and_new_modules_go_along(monkeypatch) -> None:
    original = time.monotonic
    program = ModuleType("program")
    source = (
        "from time import monotonic\n"
        "class Session:\n    timer = monotonic\n"
        "def age(since, now=monotonic, *, again=monotonic):\n    return now() - since, again()\n"
    )

    def load(name: str) -> ModuleType:
        made = ModuleType(name)
        exec(source, vars(made))
        monkeypatch.setitem(__import__("sys").modules, name, made)
        return made

    program = load("program_before")
    for _ in range(2):
        with virtual_time() as clock:
            late = load("program_within")
            start = clock.now()
            weft.sleep(5)
            for each in (program, late):
                assert each.monotonic() == each.Session.timer() == clock.now()
                assert each.age(start) == (5, clock.now())
        for each in (program, late):
            assert each.monotonic is each.Session.timer is original
            assert each.age.__defaults__ == (original,)
            assert each.age.__kwdefaults__ == {"again": original}


def test_time_sleep_jumps_too() -> None:
    """Else a loop that asks the clock and sleeps would never end."""
    with virtual_time():
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            time.sleep(0.5)


def test_timeouts_of_queues_and_conditions_jump() -> None:
    condition = weft.threading.Condition()
    with virtual_time() as clock, condition:
        start = clock.now()
        with pytest.raises(weft.queue.Empty):
            weft.queue.Queue().get(timeout=100)
        assert clock.now() - start == pytest.approx(100, abs=1e-6)
        assert condition.wait_for(lambda: False, timeout=100) is False
        assert weft.threading.Event().wait(100) is False
        assert clock.now() - start == pytest.approx(300, abs=1e-6)


def test_deadlines_jump() -> None:
    with virtual_time() as clock:
        start = clock.now()
        with pytest.raises(TimeoutError), weft.timeout(50):
            weft.sleep(1000)
        with weft.move_on_after(50) as limit:
            weft.spawn(weft.sleep, 1000).join(10)
        assert not limit.expired
        assert clock.now() == start + 60
        for task in weft.tasks():
            if not task.is_main:
                task.cancel()
                task.join()


def test_advance_moves_it_without_waiting() -> None:
    seen = []
    with virtual_time() as clock:
        task = weft.spawn(weft.sleep, 10)
        weft.checkpoint()
        start = clock.now()
        clock.advance(10.25)
        assert clock.now() == start + 10.25
        assert not task.done
        task.join()
        seen.append(clock.now())
    assert seen == [start + 10.25]


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), 1e12])
def test_it_never_goes_back(seconds: float) -> None:
    with virtual_time() as clock, pytest.raises(ValueError, match="advanced by 0 seconds or more"):
        clock.advance(seconds)


def test_a_call_in_a_thread_holds_the_clock() -> None:
    gate = threading.Event()
    woken = []

    def sleeper() -> None:
        weft.sleep(10)
        woken.append(gate.is_set())

    def call() -> float:
        # The native clock runs on: a loop of this kind in another thread ends.
        end = time.monotonic() + 0.01
        while time.monotonic() < end:
            pass
        gate.set()
        return end

    with virtual_time() as clock:
        start = clock.now()
        task = weft.spawn(sleeper)
        # A green function of the clock's thread, in another: it reads the real one.
        _offload.run(call)
        assert clock.now() == start
        task.join()
    assert woken == [True]


def test_sockets_on_loopback_are_served_before_it_jumps() -> None:
    a, b = weft.socket.socketpair()
    listener = weft.socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener.accept()[0] as connection:
            while data := connection.recv(100):
                connection.sendall(data)

    with virtual_time() as clock, a, b, listener:
        start = clock.now()
        server = weft.spawn(serve)
        with weft.socket.create_connection(listener.getsockname(), timeout=1) as client:
            for _ in range(100):
                client.sendall(b"ping")
                assert client.recv(100) == b"ping"
            assert clock.now() == start
            a.settimeout(30)
            with pytest.raises(stdlib_socket.timeout):
                a.recv(1)
            assert clock.now() == start + 30
        server.join()


def test_another_thread_keeps_the_real_clock() -> None:
    def elsewhere() -> bool:
        before = weft.now()
        weft.sleep(0.001)
        return before < weft.now() < before + 3600

    with virtual_time(), ThreadPoolExecutor(1) as pool:
        weft.sleep(7200)
        assert pool.submit(elsewhere).result()


def test_one_at_a_time() -> None:
    with virtual_time(), ThreadPoolExecutor(1) as pool:
        for enter in (virtual_time().__enter__, pool.submit(virtual_time().__enter__).result):
            with pytest.raises(weft.TaskError, match="a process can have one at a time"):
                enter()


def test_its_clock_is_over_with_the_block() -> None:
    with virtual_time() as clock:
        assert repr(clock).startswith("<weft.testing.Clock at ")
    assert repr(clock) == "<weft.testing.Clock, over>"
    with pytest.raises(weft.TaskError, match="there is none any more"):
        clock.advance(1)


def test_timers_keep_what_they_had_left_as_it_begins_and_ends() -> None:
    with virtual_time() as clock:
        first = weft.spawn(weft.sleep, 5)
        weft.checkpoint()
        weft.sleep(3)
    assert 1.9 < float(str(first.wait_reason).split()[1]) <= 2
    with virtual_time() as clock:
        start = clock.now()
        first.join()
        assert 1.9 < clock.now() - start <= 2
