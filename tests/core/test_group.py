"""Task groups: no child outlives the block, failures come out together, nothing is lost."""

import os
import threading

import pytest

import weft
from weft import lowlevel

LONG = 3600.0


def park() -> None:
    lowlevel.park("test")


def fail(error: BaseException) -> None:
    weft.checkpoint()
    raise error


def record_cancel(log: list, name: str) -> None:
    try:
        park()
    except weft.Cancelled:
        log.append(name)
        raise


def test_the_block_ends_when_its_tasks_have() -> None:
    log: list[int] = []

    def step(n: int) -> None:
        for _ in range(n):
            weft.checkpoint()
        log.append(n)

    with weft.group() as g:
        for n in (3, 1, 2):
            g.spawn(step, n)
    assert log == [1, 2, 3]
    assert g.tasks == []


def test_an_empty_block_ends_at_once() -> None:
    with weft.group():
        pass


def test_spawn_passes_arguments_and_gives_the_task() -> None:
    with weft.group() as g:
        task = g.spawn(dict, [("a", 1)], b=2)
    assert task.result() == {"a": 1, "b": 2}
    assert "test_group.py" in task.spawn_place


def test_a_failure_cancels_the_rest_and_comes_out() -> None:
    log: list[str] = []
    with pytest.raises(ExceptionGroup) as e, weft.group(name="pages") as g:
        g.spawn(record_cancel, log, "sibling")
        g.spawn(fail, ValueError("no such page"))
        record_cancel(log, "block")
    assert sorted(log) == ["block", "sibling"]
    assert [str(error) for error in e.value.exceptions] == ["no such page"]
    assert "group 'pages': 1 failed" in str(e.value)
    weft.checkpoint()


def test_all_failures_come_out_and_no_cancellation() -> None:
    def fail_when_cancelled() -> None:
        try:
            park()
        finally:
            raise KeyError("clean-up")

    with pytest.raises(ExceptionGroup) as e, weft.group() as g:
        g.spawn(fail_when_cancelled)
        g.spawn(park)
        g.spawn(fail, ValueError("first"))
    assert [type(error) for error in e.value.exceptions] == [ValueError, KeyError]


def test_a_failing_block_cancels_its_tasks_and_is_one_of_the_failures() -> None:
    log: list[str] = []
    with pytest.raises(ExceptionGroup) as e, weft.group() as g:
        g.spawn(record_cancel, log, "child")
        weft.checkpoint()
        raise ZeroDivisionError
    assert log == ["child"]
    assert [type(error) for error in e.value.exceptions] == [ZeroDivisionError]


def test_a_block_that_goes_on_all_the_same_still_raises_what_failed() -> None:
    with pytest.raises(ExceptionGroup) as e, weft.group() as g:
        g.spawn(fail, ValueError("x"))
        with pytest.raises(weft.Cancelled, match=r"task 'fail-\d+' of .* failed: ValueError"):
            park()
        weft.checkpoint()
    assert [type(error) for error in e.value.exceptions] == [ValueError]


def test_failures_of_a_group_are_not_logged_as_uncollected(caplog) -> None:
    with pytest.raises(ExceptionGroup), weft.group() as g:
        g.spawn(fail, ValueError("x"))
    del g
    weft.sleep(1e-6)
    assert not caplog.records


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_an_exit_passes_through_as_it_is(error) -> None:
    log: list[str] = []
    with pytest.raises(type(error)), weft.group() as g:
        g.spawn(record_cancel, log, "sibling")
        g.spawn(fail, error)
        park()
    assert log == ["sibling"]
    weft.checkpoint()


def test_one_cancelled_child_is_nobodys_failure() -> None:
    with weft.group() as g:
        task = g.spawn(park)
        weft.checkpoint()
        task.cancel()
        weft.checkpoint()
        weft.checkpoint()
    assert isinstance(task.exception, weft.Cancelled)


# -- cancel ----------------------------------------------------------------------------


def test_cancel_ends_tasks_and_block_in_silence() -> None:
    log: list[str] = []
    with weft.group() as g:
        g.spawn(record_cancel, log, "child")
        weft.spawn(g.cancel)
        record_cancel(log, "block")
        log.append("never")
    assert sorted(log) == ["block", "child"]
    weft.checkpoint()


def test_cancel_says_who_and_where() -> None:
    with weft.group(name="g") as g:
        task = g.spawn(park)
        weft.checkpoint()
        g.cancel()
    text = str(task.exception)
    assert text.startswith(f"group 'g' was cancelled (by task {weft.current().name!r} at ")
    assert "test_group.py" in text
    with weft.group() as g:
        task = g.spawn(park)
        weft.checkpoint()
        g.cancel("enough")
    assert str(task.exception).startswith("enough (by")


def test_a_task_spawned_into_a_cancelled_group_never_runs() -> None:
    ran: list[int] = []
    with weft.group() as g:
        g.cancel()
        task = g.spawn(ran.append, 1)
    assert isinstance(task.exception, weft.Cancelled)
    assert ran == []


def test_cancel_before_and_after_the_block_is_nothing() -> None:
    g = weft.group()
    g.cancel()
    with g:
        task = g.spawn(int)
    g.cancel()
    assert task.result() == 0


def test_a_cancelled_block_waits_for_its_tasks_clean_up() -> None:
    log: list[str] = []

    def slow_to_go() -> None:
        try:
            park()
        finally:
            for _ in range(5):
                weft.checkpoint()
            log.append("clean")

    def host() -> None:
        with weft.group() as g:
            g.spawn(slow_to_go)
            park()

    task = weft.spawn(host)
    weft.checkpoint()
    weft.checkpoint()
    task.cancel("stop")
    weft.checkpoint()
    task.cancel("again")
    task.join()
    assert log == ["clean"]
    assert isinstance(task.exception, weft.Cancelled)


def test_cancelled_while_it_waits_for_its_tasks() -> None:
    log: list[str] = []

    def host() -> None:
        with weft.group() as g:
            g.spawn(record_cancel, log, "child")

    task = weft.spawn(host)
    weft.checkpoint()
    weft.checkpoint()
    task.cancel("stop")
    task.join()
    assert log == ["child"]
    assert str(task.exception).startswith("stop")


def test_an_outside_cancellation_gives_way_to_failures() -> None:
    def fail_when_cancelled() -> None:
        try:
            park()
        finally:
            raise KeyError("clean-up")

    def host() -> None:
        with weft.group() as g:
            g.spawn(fail_when_cancelled)

    task = weft.spawn(host)
    weft.checkpoint()
    weft.checkpoint()
    task.cancel()
    task.join()
    assert isinstance(task.exception, ExceptionGroup)


def test_a_childs_shield_is_respected() -> None:
    log: list[str] = []

    def child() -> None:
        with weft.shield():
            weft.sleep(0.0005)
            log.append("kept")

    with weft.group() as g:
        g.spawn(child)
        weft.checkpoint()
        g.cancel()
    assert log == ["kept"]


def test_a_group_in_a_shield_can_be_cancelled_by_itself_alone() -> None:
    def host() -> str:
        with weft.shield(), weft.group() as g:
            g.spawn(fail, ValueError("x"))
            park()
        return "never"

    task = weft.spawn(host)
    weft.checkpoint()
    task.cancel()
    task.join()
    assert isinstance(task.exception, ExceptionGroup)


def test_a_timeout_over_a_group() -> None:
    log: list[str] = []
    with pytest.raises(TimeoutError), weft.timeout(0.0005), weft.group() as g:
        g.spawn(record_cancel, log, "child")
    assert log == ["child"]


def test_groups_nest() -> None:
    log: list[str] = []
    with pytest.raises(ExceptionGroup) as e, weft.group(name="outer") as outer:
        outer.spawn(record_cancel, log, "outer child")
        with weft.group(name="inner") as inner:
            inner.spawn(record_cancel, log, "inner child")
            outer.spawn(fail, ValueError("x"))
    assert sorted(log) == ["inner child", "outer child"]
    assert "group 'outer'" in str(e.value)


def test_a_child_spawns_into_its_group() -> None:
    log: list[int] = []

    def branch(g: weft.Group, depth: int) -> None:
        log.append(depth)
        if depth:
            g.spawn(branch, g, depth - 1)
            g.spawn(branch, g, depth - 1)

    with weft.group() as g:
        g.spawn(branch, g, 4)
    assert len(log) == 31


# -- a limit ---------------------------------------------------------------------------


def test_a_limit_bounds_how_many_run() -> None:
    running = most = 0

    def work() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        weft.checkpoint()
        running -= 1

    with weft.group(limit=3) as g:
        for _ in range(20):
            g.spawn(work)
            assert len(g.tasks) <= 3
    assert most == 3


def test_spawn_that_waits_for_a_place_can_be_cancelled_and_loses_none() -> None:
    gate = [weft.spawn(park) for _ in range(2)]
    weft.checkpoint()
    with weft.group(limit=2) as g:
        for each in gate:
            g.spawn(each.join)

        def wait() -> None:
            with weft.move_on_after(0.0005):
                g.spawn(int)

        waiters = [weft.spawn(wait) for _ in range(5)]
        weft.joinall(waiters)
        for each in gate:
            lowlevel.unpark(each)
        for _ in range(10):
            g.spawn(weft.checkpoint)
        assert len(g.tasks) <= 2


def test_who_waits_for_a_place_in_a_group_that_is_cancelled_goes_on() -> None:
    with weft.group(limit=1) as g:
        g.spawn(park)
        waiter = weft.spawn(g.spawn, int)
        weft.checkpoint()
        assert waiter.wait_kind == "place in group"
        g.cancel()
    waiter.join()
    assert waiter.done


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_is_at_least_one(limit) -> None:
    with pytest.raises(ValueError, match="at least 1, got"):
        weft.group(limit=limit)


@pytest.mark.parametrize("limit", ["a", 2.0])
def test_a_limit_is_an_integer(limit) -> None:
    with pytest.raises(TypeError, match=f"at least 1, got {limit!r}"):
        weft.group(limit=limit)


# -- misuse ----------------------------------------------------------------------------


def test_spawning_into_a_group_not_entered() -> None:
    with pytest.raises(weft.TaskError, match=r"with weft\.group"):
        weft.group().spawn(int)


def test_spawning_into_a_closed_group() -> None:
    with weft.group(name="done") as g:
        pass
    with pytest.raises(weft.TaskError, match="cannot spawn into group 'done': its block has ended"):
        g.spawn(int)


def test_spawning_what_cannot_be_called() -> None:
    with weft.group(limit=1) as g:
        with pytest.raises(TypeError, match="something to call"):
            g.spawn(3)
        assert g.spawn(int).result() == 0


def test_entered_twice() -> None:
    g = weft.group()
    with g:
        pass
    with pytest.raises(weft.TaskError, match="make another one"), g:
        pass


def test_left_by_another_task() -> None:
    g = weft.group()
    with g, pytest.raises(weft.TaskError, match="left by the task that entered it"):
        weft.spawn(g.__exit__, None, None, None).result()


def test_a_group_is_made_by_its_function() -> None:
    with pytest.raises(TypeError, match=r"weft\.group"):
        weft.Group()


# -- threads and forks -----------------------------------------------------------------


def test_children_of_other_threads_are_waited_for() -> None:
    log: list[str] = []
    with weft.group() as g:
        begun = threading.Event()

        def other() -> None:
            g.spawn(log.append, "other").join()
            begun.set()

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert begun.is_set()
    assert log == ["other"]


@pytest.mark.leaves_tasks
def test_a_child_left_behind_by_its_thread_does_not_keep_the_block(caplog) -> None:
    with weft.group() as g:

        def other() -> None:
            g.spawn(park)
            weft.checkpoint()

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert g.tasks == []
    weft.sleep(1e-6)
    assert "unfinished tasks" in caplog.text


def test_in_a_forked_child_the_block_does_not_wait_for_tasks_left_in_the_parent(program) -> None:
    out = program("""
        import os
        import weft
        from weft import lowlevel

        with weft.group() as g:
            task = g.spawn(lowlevel.park, "test")
            weft.checkpoint()
            pid = os.fork()
            if pid:
                status = os.waitpid(pid, 0)[1]
                lowlevel.unpark(task)
        print("parent" if pid else "child", g.tasks, flush=True)
        if pid:
            print(status)
    """)
    assert out == "child []\nparent []\n0\n"


def test_nothing_is_kept_of_a_group_that_is_over() -> None:
    import gc
    import weakref

    class Thing:
        pass

    def use(thing: Thing) -> None:
        weft.checkpoint()

    thing = Thing()
    gone = weakref.ref(thing)
    with weft.group() as g:
        g.spawn(use, thing)
    del thing
    gc.collect()
    assert gone() is None
    assert os.getpid() and not g.tasks
