"""weft.threading without a patch: its Threads are tasks, and know those of the stdlib's module."""

import contextvars
import inspect
import sys
import threading as stdlib
import weakref

import pytest

import weft
from weft import lowlevel
from weft import threading as green

setting: contextvars.ContextVar[str] = contextvars.ContextVar("setting", default="none")


@pytest.fixture
def told(monkeypatch) -> list:
    """What ``sys.unraisablehook`` is told while the test runs."""
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)
    return seen


def test_it_has_every_name_of_the_stdlibs_with_the_same_signature() -> None:
    assert sorted(green.__all__) == sorted(stdlib.__all__)
    for name in stdlib.__all__:
        ours, theirs = getattr(green, name), getattr(stdlib, name)
        if inspect.isfunction(theirs):
            assert inspect.signature(ours) == inspect.signature(theirs), name


def test_errors_are_the_stdlibs_own_classes() -> None:
    assert green.ThreadError is stdlib.ThreadError
    assert green.BrokenBarrierError is stdlib.BrokenBarrierError
    assert green.TIMEOUT_MAX == stdlib.TIMEOUT_MAX


def test_a_thread_is_a_task_of_the_same_os_thread() -> None:
    seen = []

    def run() -> None:
        seen.append((weft.current(), green.get_ident(), green.get_native_id()))

    thread = green.Thread(target=run, name="painter")
    assert not thread.is_alive() and thread.ident is None
    thread.start()
    thread.join()
    ((task, ident, native),) = seen
    assert task.name == "painter" and not task.is_main
    assert task.spawn_place.endswith(" in test_a_thread_is_a_task_of_the_same_os_thread")
    assert ident == thread.ident != stdlib.get_ident()
    assert native == thread.native_id == stdlib.get_native_id()
    assert not thread.is_alive() and task.join(1)


def test_threads_wait_for_each_other_without_stopping_the_hub() -> None:
    steps = []
    ready = green.Event()

    def first() -> None:
        steps.append("first waits")
        ready.wait()
        steps.append("first goes on")

    def second() -> None:
        steps.append("second sets")
        ready.set()

    threads = [green.Thread(target=first), green.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert steps == ["first waits", "second sets", "first goes on"]


def test_join_with_a_timeout_gives_up() -> None:
    stop = green.Event()
    thread = green.Thread(target=stop.wait)
    thread.start()
    thread.join(0.001)
    assert thread.is_alive()
    thread.join(-1)
    assert thread.is_alive()
    stop.set()
    thread.join()
    assert not thread.is_alive()
    thread.join()


def test_wrong_use_is_refused_as_by_the_stdlib() -> None:
    thread = green.Thread(target=lambda: seen.append(green.current_thread()))
    seen: list = []
    with pytest.raises(RuntimeError, match="before it is started"):
        thread.join()
    thread.start()
    thread.join()
    assert seen == [thread]
    with pytest.raises(RuntimeError, match="only be started once"):
        thread.start()
    with pytest.raises(RuntimeError, match="daemon status of active thread"):
        green.current_thread().daemon = True
    with pytest.raises(RuntimeError, match="cannot join current thread"):
        green.current_thread().join()


def test_several_join_the_same_thread() -> None:
    stop = green.Event()
    thread = green.Thread(target=stop.wait)
    thread.start()
    joiners = [weft.spawn(thread.join) for _ in range(5)]
    weft.checkpoint()
    # One of them gives up, and takes nothing from the others.
    joiners[2].cancel()
    stop.set()
    weft.joinall(joiners)
    assert [type(task.exception) for task in joiners] == [
        weft.Cancelled if number == 2 else type(None) for number in range(5)
    ]
    assert not thread.is_alive()


def test_a_join_is_cancelled() -> None:
    stop = green.Event()
    thread = green.Thread(target=stop.wait)
    thread.start()
    joiner = weft.spawn(thread.join)
    weft.checkpoint()
    joiner.cancel()
    joiner.join()
    assert isinstance(joiner.exception, weft.Cancelled)
    stop.set()
    thread.join()


def test_what_was_the_threads_is_gone_when_join_returns() -> None:
    own = green.local()
    seen = []

    class Value:
        pass

    def run() -> None:
        own.value = Value()
        seen.append(weakref.ref(own.value))

    thread = green.Thread(target=run)
    thread.start()
    thread.join()
    assert seen[0]() is None


def test_a_thread_starts_in_an_empty_context() -> None:
    seen = []
    setting.set("of the caller")
    thread = green.Thread(target=lambda: seen.append(setting.get()))
    thread.start()
    thread.join()
    assert seen == ["none"]
    assert weft.spawn(setting.get).result() == "of the caller"


def test_exceptions_go_to_the_excepthook_but_for_systemexit_and_cancelled(monkeypatch) -> None:
    seen = []
    monkeypatch.setattr(stdlib, "excepthook", seen.append)
    stop = green.Event()

    def fail() -> None:
        raise ArithmeticError("on purpose")

    threads = [green.Thread(target=target) for target in (fail, sys.exit, stop.wait)]
    for thread in threads:
        thread.start()
    (waiting,) = (task for task in lowlevel.tasks() if task.name == threads[2].name)
    waiting.cancel()
    for thread in threads:
        thread.join()
    assert [(type(seen[0].exc_value), seen[0].thread)] == [(ArithmeticError, threads[0])]
    # The stdlib's own hook is told of SystemExit and says nothing.
    assert [told.exc_type for told in seen[1:]] == [SystemExit]


def test_timers_run_or_are_cancelled() -> None:
    seen = []
    timers = [green.Timer(0.002, seen.append, [number]) for number in range(2)]
    for timer in timers:
        timer.start()
    timers[0].cancel()
    for timer in timers:
        timer.join()
    assert seen == [1]


def test_a_barrier_lets_all_through_at_once() -> None:
    barrier, passed = green.Barrier(3), []

    def run() -> None:
        barrier.wait()
        passed.append(barrier.n_waiting)

    threads = [green.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 3


def test_a_condition_hands_on_what_a_cancelled_waiter_was_told() -> None:
    condition = green.Condition()
    told = []

    def wait(name: str) -> None:
        with condition:
            condition.wait()
            told.append(name)
        weft.checkpoint()
        told.append(f"{name} went on")

    first, second = weft.spawn(wait, "first"), weft.spawn(wait, "second")
    weft.checkpoint()
    first.cancel()
    with condition:
        condition.notify()
    first.join()
    assert isinstance(first.exception, weft.Cancelled)
    assert told == ["first"], "notified before it could say that it was cancelled"
    with condition:
        condition.notify()
    second.join()
    assert told == ["first", "second", "second went on"]


def test_a_cancelled_waiter_holds_the_lock_while_it_cleans_up() -> None:
    condition = green.Condition()
    owned = []

    def wait() -> None:
        with condition:
            try:
                condition.wait()
            finally:
                owned.append(condition._is_owned())

    task = weft.spawn(wait)
    weft.checkpoint()
    with condition:
        task.cancel()
        weft.checkpoint()
        assert owned == []
    task.join()
    assert owned == [True]
    assert condition.acquire(False)


@pytest.mark.parametrize("timeout", [None, 60, 1e-6])
def test_a_notification_passes_over_who_gave_up_but_waits_for_the_lock_to_leave(timeout) -> None:
    """Seen: the notification went to the one that was leaving, and nobody took the slot."""
    condition = green.Condition()
    told = []

    def wait(timeout: float | None) -> None:
        with condition:
            condition.wait(timeout)
            told.append(timeout)

    leaver, waiter = weft.spawn(wait, timeout), weft.spawn(wait, 3600)
    weft.checkpoint()
    with condition:
        if timeout == 1e-6:
            weft.sleep(1e-5)
        else:
            leaver.cancel()
        weft.checkpoint()
        assert leaver.wait_kind == "lock"
        condition.notify()
    waiter.join()
    assert 3600 in told
    leaver.join()


# -- who is a thread -------------------------------------------------------------------------


def test_both_modules_know_the_threads_of_either() -> None:
    stop = green.Event()
    thread = green.Thread(target=stop.wait)
    thread.start()
    assert thread in green.enumerate() and thread in stdlib.enumerate()
    assert green.main_thread() is stdlib.main_thread() is green.current_thread()
    assert green.active_count() == stdlib.active_count()
    stop.set()
    thread.join()
    assert thread not in stdlib.enumerate()


def test_a_task_that_is_no_thread_is_a_dummy_until_it_ends() -> None:
    before = stdlib.enumerate()

    def run():
        me = green.current_thread()
        assert me is green.current_thread() and me in green.enumerate()
        return me

    task = weft.spawn(run)
    task.name = "fetcher"
    dummy = task.result()
    assert dummy.name == "fetcher" and dummy.daemon
    assert dummy.ident not in stdlib._active
    assert stdlib.enumerate() == before


# -- _thread's functions -----------------------------------------------------------------------


def test_start_new_thread_runs_a_function_and_returns_its_identity() -> None:
    seen = []
    from weft._threads import start_new_thread

    def run(a: int, b: int) -> None:
        seen.append((a, b, green.get_ident()))

    number = start_new_thread(run, (1,), {"b": 2})
    weft.checkpoint()
    assert seen == [(1, 2, number)]


def test_start_new_thread_refuses_what_thread_refuses() -> None:
    import _thread

    from weft._threads import start_new_thread

    for arguments in ((1, ()), (int, [1]), (int, (), 1), (int,)):
        with pytest.raises(TypeError) as expected:
            _thread.start_new_thread(*arguments)
        with pytest.raises(TypeError) as raised:
            start_new_thread(*arguments)
        if len(arguments) > 1:
            assert str(raised.value) == str(expected.value)


def test_a_failing_function_is_reported_as_thread_reports_it(told) -> None:
    from weft._threads import start_new_thread

    def fail() -> None:
        raise ArithmeticError("on purpose")

    start_new_thread(fail, ())
    start_new_thread(sys.exit, ())
    weft.checkpoint()
    assert [report.exc_type for report in told] == [ArithmeticError]
    assert "Exception ignored in thread started by" in told[0].err_msg


def test_count_counts_green_and_native_threads() -> None:
    import _thread

    from weft._threads import _count

    before = _count()
    stop = green.Event()
    threads = [green.Thread(target=stop.wait) for _ in range(3)]
    native = stdlib.Thread(target=stop.wait)
    for thread in (*threads, native):
        thread.start()
    assert _count() == before + 4 and _thread._count() >= 1
    stop.set()
    for thread in threads:
        thread.join()
    native.join()
    assert _count() == before


def test_handles_join_threads() -> None:
    from weft._threads import _make_thread_handle, _ThreadHandle, start_joinable_thread

    stop = green.Event()
    handle = _ThreadHandle()
    for call in (handle.join, handle._set_done):
        with pytest.raises(RuntimeError, match=r"^thread not started$"):
            call()
    assert not handle.is_done() and handle.ident == 0
    assert start_joinable_thread(stop.wait, handle=handle) is handle
    assert handle.ident and not handle.is_done()
    with pytest.raises(RuntimeError, match=r"^thread already started$"):
        start_joinable_thread(stop.wait, handle=handle)
    with pytest.raises(TypeError, match="must be callable"):
        start_joinable_thread(1)
    with pytest.raises(TypeError, match="_ThreadHandle"):
        start_joinable_thread(int, handle=1)
    handle.join(0.001)
    assert not handle.is_done()
    stop.set()
    handle.join()
    assert handle.is_done() and repr(handle) == f"<_ThreadHandle object: ident={handle.ident}>"
    with pytest.raises(RuntimeError, match=r"^Cannot join current thread$"):
        _make_thread_handle(green.get_ident()).join()
