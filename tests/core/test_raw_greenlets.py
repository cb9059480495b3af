"""Raw greenlets inside tasks, as SQLAlchemy's async layer uses them."""

import threading
import time

import pytest
from greenlet import getcurrent, greenlet

import weft
import weft.socket
from weft import lowlevel


def parked(fn=lambda: lowlevel.park("test")) -> weft.Task:
    task = weft.spawn(fn)
    weft.checkpoint()
    assert task.state == "parked"
    return task


class Bridge(greenlet):
    """SQLAlchemy's pattern: blocking code in a raw greenlet, waits done by its parent."""

    def await_(self, value: object) -> object:
        return self.parent.switch(value)


def bridged(fn) -> object:
    bridge = Bridge(fn)
    wanted = bridge.switch()
    while not bridge.dead:
        weft.sleep(1e-6)
        wanted = bridge.switch(wanted)
    return wanted


def test_raw_greenlets_whose_parent_waits_for_them() -> None:
    def query(number: int) -> list[object]:
        return [getcurrent().await_((number, step)) for step in range(5)]

    def run(number: int) -> object:
        return bridged(lambda: query(number))

    tasks = [weft.spawn(run, n) for n in range(20)]
    assert [task.result() for task in tasks] == [
        [(n, step) for step in range(5)] for n in range(20)
    ]


def test_a_raw_greenlet_may_throw_into_the_task_around_it() -> None:
    def run() -> None:
        greenlet(lambda: getcurrent().parent.throw(KeyError("from inside"))).switch()

    with pytest.raises(KeyError, match="from inside"):
        weft.spawn(run).result()


@pytest.mark.parametrize("wait", [weft.checkpoint, lambda: weft.sleep(1e-6)])
def test_raw_greenlets_that_wait_themselves(wait) -> None:
    def inner(log: list[str]) -> str:
        log.append("inner")
        wait()
        log.append("inner again")
        return "inner's result"

    def run() -> list[str]:
        log = ["task"]
        wait()
        for _ in range(3):
            log.append(greenlet(inner).switch(log))
            wait()
            log.append("task again")
        return log

    expected = ["task", *(["inner", "inner again", "inner's result", "task again"] * 3)]
    tasks = [weft.spawn(run) for _ in range(5)]
    assert [task.result() for task in tasks] == [expected] * 5
    assert run() == expected


def test_a_raw_greenlet_is_woken_where_it_parked() -> None:
    def inner() -> tuple[object, bool]:
        return lowlevel.park("test"), getcurrent() is raw[0]

    def run() -> object:
        raw.append(greenlet(inner))
        return raw[0].switch()

    raw: list[greenlet] = []
    task = parked(run)
    assert lowlevel.unpark(task, "value")
    assert task.result() == ("value", True)


def test_a_raw_greenlet_inside_a_task_can_be_cancelled() -> None:
    def run() -> None:
        greenlet(lambda: lowlevel.park("test")).switch()

    task = parked(run)
    task.cancel()
    task.join()
    assert isinstance(task.exception, weft.Cancelled)


# greenlet destroys what another thread dropped when it is next asked which greenlet runs: when a
# task parks. So Python code runs in there, and with it other threads.


def dropped_by_another_thread(last_wish) -> None:
    """A raw greenlet of this thread, which does ``last_wish`` when a task next parks."""
    main = getcurrent()

    def run() -> None:
        try:
            main.switch()
        finally:
            last_wish()

    raw = [greenlet(run)]
    raw[0].switch()
    in_another_thread(raw.clear)


def in_another_thread(fn) -> None:
    thread = threading.Thread(target=fn)
    thread.start()
    while thread.is_alive():
        time.sleep(0)


def test_a_task_that_ends_while_its_joiner_comes_to_park_is_joined() -> None:
    started = []

    def run() -> None:
        started.append(weft.spawn(lowlevel.park, "test"))
        started[0].join()

    def last_wish() -> None:
        lowlevel.unpark(started[0])
        while not started[0].done:
            time.sleep(0)

    thread = threading.Thread(target=run)
    thread.start()
    while not started or started[0].state != "parked":
        time.sleep(0)
    dropped_by_another_thread(last_wish)
    with weft.timeout(5):
        assert started[0].join()
    thread.join()


def test_a_socket_that_is_closed_while_its_reader_comes_to_park_refuses_it() -> None:
    a, b = weft.socket.socketpair()
    dropped_by_another_thread(lambda: in_another_thread(b.close))
    with a, weft.timeout(5), pytest.raises(OSError, match="Bad file descriptor"):
        b.recv(1)
