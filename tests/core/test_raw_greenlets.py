"""Raw greenlets inside tasks, as SQLAlchemy's async layer uses them."""

import pytest
from greenlet import getcurrent, greenlet

import weft
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
