"""Trace and profile functions belong to a task as they do to a thread."""

import sys
import threading
from collections.abc import Iterator

import pytest

import weft
import weft.threading

Setter = tuple[object, object]


@pytest.fixture(params=["trace", "profile"])
def functions(request) -> Iterator[Setter]:
    """``sys.settrace`` and ``sys.gettrace``, or the same for profiling."""
    before = sys.gettrace(), sys.getprofile()
    yield getattr(sys, f"set{request.param}"), getattr(sys, f"get{request.param}")
    sys.settrace(before[0])
    sys.setprofile(before[1])


def quiet(frame, event, arg):
    return None


def traced(name: str) -> None:
    """What the tests look for among the events."""


class Recorder:
    """A trace or profile function that notes the calls of :func:`traced`."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, frame, event, arg):
        if event == "call" and frame.f_code is traced.__code__:
            self.seen.append(frame.f_locals["name"])
        return self


def test_a_function_set_in_one_task_is_not_seen_in_another(functions) -> None:
    put, get = functions
    recorder = Recorder()
    others = []

    def tracing() -> object:
        put(recorder)
        for name in ("one", "two"):
            traced(name)
            weft.checkpoint()
        mine = get()
        put(None)
        return mine

    def sibling() -> None:
        for _ in range(3):
            traced("sibling")
            others.append(get())
            weft.checkpoint()

    task, other = weft.spawn(tracing), weft.spawn(sibling)
    weft.joinall([task, other])
    assert task.result() is recorder
    assert others == [None] * 3
    assert recorder.seen == ["one", "two"]
    assert get() is None


def test_each_task_has_its_own_function(functions) -> None:
    put, _ = functions
    recorders = [Recorder() for _ in range(3)]

    def work(number: int) -> None:
        put(recorders[number])
        for _ in range(3):
            traced(str(number))
            weft.checkpoint()
        put(None)

    weft.joinall([weft.spawn(work, number) for number in range(3)])
    assert [recorder.seen for recorder in recorders] == [["0"] * 3, ["1"] * 3, ["2"] * 3]


def test_a_task_that_ends_with_its_function_set_leaves_none_behind(functions) -> None:
    put, get = functions
    recorder = Recorder()
    weft.spawn(put, recorder).join()
    traced("after")
    assert get() is None
    assert recorder.seen == []
    # CPython counts who traces from 3.12 on; were it wrong, this would see nothing.
    put(recorder)
    traced("again")
    put(None)
    assert recorder.seen == ["again"]


def test_the_main_task_keeps_its_function_while_others_run(functions) -> None:
    put, get = functions
    recorder = Recorder()
    seen = []

    def other() -> None:
        traced("other")
        seen.append(get())
        put(quiet)

    put(recorder)
    traced("before")
    weft.spawn(other).join()
    traced("after")
    mine = get()
    put(None)
    assert mine is recorder
    assert recorder.seen == ["before", "after"]
    assert seen == [None]


def test_a_task_spawned_where_one_traces_has_the_function_for_new_threads(functions) -> None:
    """So debuggers and coverage find tasks as they find threads."""
    put, _ = functions
    name = put.__name__
    recorder, own = Recorder(), Recorder()
    getattr(threading, name)(recorder)
    try:
        put(own)
        task = weft.spawn(traced, "spawned")
        put(None)
        task.join()
        untraced = weft.spawn(traced, "untraced")
        untraced.join()
    finally:
        getattr(threading, name)(None)
    assert recorder.seen == ["spawned"]
    assert own.seen == []


def test_a_tracer_that_tells_tasks_apart_by_itself_is_called_for_all() -> None:
    """Coverage's in its greenlet mode has this attribute, and sets no function for threads."""
    recorder = Recorder()
    recorder.concur_id_func = weft.lowlevel.current

    def parent() -> None:
        weft.spawn(traced, "child").join()

    sys.settrace(recorder)
    task = weft.spawn(parent)
    thread = weft.threading.Thread(target=traced, args=("thread",))
    thread.start()
    sys.settrace(None)
    task.join()
    thread.join()
    assert sorted(recorder.seen) == ["child", "thread"]


def test_a_trace_function_may_park() -> None:
    """As a debugger does that reads its commands; others are traced meanwhile."""
    parked = Recorder()
    order: list[str] = []

    def trace(frame, event, arg):
        if frame.f_code is traced.__code__:
            order.append("asks")
            weft.sleep(0.002)
            order.append("goes on")

    def debugged() -> None:
        sys.settrace(trace)
        traced("debugged")
        sys.settrace(None)

    def other() -> None:
        sys.settrace(parked)
        traced("other")
        sys.settrace(None)
        order.append("other")

    weft.joinall([weft.spawn(debugged), weft.spawn(other)])
    assert order == ["asks", "other", "goes on"]
    assert parked.seen == ["other"]


def test_line_events_go_on_after_a_wait() -> None:
    lines: list[int] = []

    def trace(frame, event, arg):
        if frame.f_code is steps.__code__ and event == "line":
            lines.append(frame.f_lineno - frame.f_code.co_firstlineno)
        return trace

    def steps() -> None:
        weft.checkpoint()
        weft.checkpoint()
        traced("x")

    def run() -> None:
        sys.settrace(trace)
        steps()
        sys.settrace(None)

    other = weft.spawn(steps)
    weft.spawn(run).join()
    other.join()
    assert lines == [1, 2, 3]


def test_an_exception_that_leaves_a_traced_task_is_its_own(functions) -> None:
    put, get = functions

    def fail() -> None:
        put(quiet)
        raise ValueError("its own")

    task = weft.spawn(fail)
    with pytest.raises(ValueError, match="its own"):
        task.result()
    assert get() is None


if sys.version_info >= (3, 12):

    def test_monitoring_tells_of_all_tasks() -> None:
        monitoring = sys.monitoring
        seen: list[str] = []

        def started(code, offset):
            if code is traced.__code__:
                seen.append(weft.lowlevel.current().name)

        monitoring.use_tool_id(4, "test")
        monitoring.register_callback(4, monitoring.events.PY_START, started)
        monitoring.set_events(4, monitoring.events.PY_START)
        try:
            tasks = [weft.spawn(traced, "x") for _ in range(2)]
            weft.joinall(tasks)
        finally:
            monitoring.set_events(4, 0)
            monitoring.free_tool_id(4)
        assert seen == [task.name for task in tasks]
