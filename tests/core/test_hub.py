"""The hub: in which order tasks run, what new ones start with, who gets a turn."""

import contextvars
import os

import pytest
from greenlet import getcurrent, greenlet

import weft
from weft import lowlevel


def parked(fn=lambda: lowlevel.park("test")) -> weft.Task:
    task = weft.spawn(fn)
    weft.checkpoint()
    assert task.state == "parked"
    return task


# -- order ---------------------------------------------------------------------------


def test_tasks_start_in_the_order_of_spawning() -> None:
    order: list[int] = []
    weft.joinall([weft.spawn(order.append, n) for n in range(1000)])
    assert order == list(range(1000))


def test_unpark_is_fifo() -> None:
    order: list[int] = []

    def run(number: int) -> None:
        lowlevel.park("test")
        order.append(number)

    tasks = [weft.spawn(run, n) for n in range(300)]
    weft.checkpoint()
    for n in (7, 3, 299, 0, 150):
        lowlevel.unpark(tasks[n])
    weft.checkpoint()
    assert order == [7, 3, 299, 0, 150]
    rest = [n for n in range(300) if n not in order]
    for n in rest:
        lowlevel.unpark(tasks[n])
    weft.joinall(tasks)
    assert order[5:] == rest


def test_unpark_never_switches() -> None:
    ran: list[int] = []
    task = parked(lambda: (lowlevel.park("test"), ran.append(1)))
    lowlevel.unpark(task)
    assert ran == []
    task.join()
    assert ran == [1]


def test_new_and_woken_tasks_run_in_the_order_they_became_ready() -> None:
    order: list[str] = []
    task = parked(lambda: (lowlevel.park("test"), order.append("woken")))
    first = weft.spawn(order.append, "first")
    lowlevel.unpark(task)
    second = weft.spawn(order.append, "second")
    weft.joinall([first, task, second])
    assert order == ["first", "woken", "second"]


def test_checkpoint_lets_every_ready_task_run_once() -> None:
    rounds: list[int] = []

    def run(number: int) -> None:
        for _ in range(50):
            rounds.append(number)
            weft.checkpoint()

    tasks = [weft.spawn(run, n) for n in range(200)]
    for done in range(1, 11):
        weft.checkpoint()
        assert rounds[-200:] == list(range(200)) and len(rounds) == 200 * done
    weft.joinall(tasks)


def test_two_tasks_hand_over_to_one_another() -> None:
    order: list[str] = []
    tasks: dict[str, weft.Task] = {}

    def run(me: str, other: str) -> None:
        for _ in range(500):
            order.append(me)
            lowlevel.unpark(tasks[other])
            lowlevel.park("turn")
        lowlevel.unpark(tasks[other])

    tasks.update(ping=weft.spawn(run, "ping", "pong"), pong=weft.spawn(run, "pong", "ping"))
    weft.joinall(tasks.values())
    assert order == ["ping", "pong"] * 500


# -- fairness -------------------------------------------------------------------------


def busy_pair() -> list[weft.Task]:
    """Two tasks that always have one another ready: the hub is never idle."""
    tasks: list[weft.Task] = []

    def run(me: int) -> None:
        while True:
            if len(tasks) == 2:
                lowlevel.unpark(tasks[1 - me])
            lowlevel.park("turn", deadline=weft.now() + 10)

    tasks += [weft.spawn(run, n) for n in range(2)]
    return tasks


def stop(tasks: list[weft.Task]) -> None:
    for task in tasks:
        task.cancel()
    weft.joinall(tasks)


def test_tasks_that_hand_over_for_ever_do_not_starve_timers() -> None:
    pair = busy_pair()
    weft.sleep(0.0005)
    stop(pair)


def test_tasks_that_hand_over_for_ever_do_not_starve_descriptors() -> None:
    reader, writer = os.pipe()
    pair = busy_pair()
    waiter = weft.spawn(lowlevel.wait_readable, reader)
    weft.checkpoint()
    os.write(writer, b"x")
    waiter.join()
    stop(pair)
    os.close(reader)
    os.close(writer)


def test_tasks_that_hand_over_for_ever_do_not_starve_other_threads(in_thread) -> None:
    pair = busy_pair()
    task = weft.spawn(lowlevel.park, "other thread")
    weft.checkpoint()
    assert in_thread(lowlevel.unpark, task, 5) is True
    assert task.result() == 5
    stop(pair)


def test_tasks_that_spawn_for_ever_do_not_starve_timers() -> None:
    spawning = True

    def run() -> None:
        if spawning:
            weft.spawn(run)

    weft.spawn(run)
    weft.sleep(0.0005)
    spawning = False
    weft.sleep(0)
    weft.sleep(0)


def test_a_task_that_never_waits_yields_after_its_share_of_operations() -> None:
    turns: list[int] = []
    stop_it = False

    def other() -> None:
        while not stop_it:
            turns.append(1)
            weft.checkpoint()

    task = weft.spawn(other)
    for _ in range(6400):
        lowlevel.spend()
    stop_it = True
    task.join()
    assert 100 <= len(turns) <= 6400 / 8


def test_a_task_whose_operations_take_long_yields_after_its_time() -> None:
    ran: list[int] = []
    weft.checkpoint()
    task = weft.spawn(ran.append, 1)
    until = weft.now() + 0.006
    while weft.now() < until:
        pass
    for _ in range(8):
        lowlevel.spend()
    assert ran == [1]
    task.join()


def test_spending_delivers_a_cancellation() -> None:
    def run() -> None:
        while True:
            lowlevel.spend()

    task = weft.spawn(run)
    weft.checkpoint()
    task.cancel()
    task.join()
    assert isinstance(task.exception, weft.Cancelled)


def test_what_came_in_time_is_not_late_because_a_task_hogged_the_hub() -> None:
    reader, writer = os.pipe()
    deadline = weft.now() + 0.01

    def run() -> str:
        lowlevel.wait_readable(reader, deadline=deadline)
        return "in time"

    task = weft.spawn(run)
    weft.checkpoint()
    os.write(writer, b"x")
    while weft.now() < deadline + 0.001:
        pass
    assert task.result() == "in time"
    os.close(reader)
    os.close(writer)


# -- what a task starts with -------------------------------------------------------------

variable = contextvars.ContextVar("variable", default="unset")


def test_a_task_runs_in_a_copy_of_its_spawners_context() -> None:
    def run() -> tuple[str, str]:
        before = variable.get()
        variable.set("changed by the task")
        weft.checkpoint()
        return before, variable.get()

    token = variable.set("of the spawner")
    task = weft.spawn(run)
    variable.set("changed since")
    assert task.result() == ("of the spawner", "changed by the task")
    assert variable.get() == "changed since"
    variable.reset(token)


def test_a_task_of_an_empty_context_has_variables_of_its_own() -> None:
    def run(value: str) -> str:
        before = variable.get()
        variable.set(value)
        weft.checkpoint()
        return f"{before} {variable.get()}"

    tasks = [contextvars.Context().run(weft.spawn, run, str(n)) for n in range(3)]
    assert [task.result() for task in tasks] == ["unset 0", "unset 1", "unset 2"]


def test_a_context_can_be_given() -> None:
    context = contextvars.copy_context()
    context.run(variable.set, "given")
    assert lowlevel.spawn_in(variable.get, context=context).result() == "given"
    lowlevel.spawn_in(variable.set, ("kept",), context=context).join()
    assert context[variable] == "kept"


def test_a_context_in_use_fails_the_task_and_not_the_hub() -> None:
    context = contextvars.copy_context()
    first = lowlevel.spawn_in(lowlevel.park, ("test",), context=context)
    second = lowlevel.spawn_in(int, context=context)
    with pytest.raises(RuntimeError, match="already entered"):
        second.result()
    lowlevel.unpark(first, "fine")
    assert first.result() == "fine"


def test_what_is_no_context_fails_the_task_and_not_the_hub() -> None:
    task = lowlevel.spawn_in(int, context={})
    with pytest.raises(TypeError):
        task.result()


def test_handled_exceptions_are_each_tasks_own(program) -> None:
    """Also when the hub was made, and the task spawned, inside an except block."""
    assert program("""
        import sys
        import weft

        def run(name):
            print(name, sys.exc_info()[1])
            try:
                raise KeyError(name)
            except KeyError:
                weft.checkpoint()
                print(name, sys.exc_info()[1])
            print(name, sys.exc_info()[1])

        try:
            raise ValueError("of main")
        except ValueError:
            weft.joinall([weft.spawn(run, "a"), weft.spawn(run, "b")])
            print("main", sys.exc_info()[1])
    """).splitlines() == [
        "a None", "b None", "a 'a'", "a None", "b 'b'", "b None", "main of main",
    ]  # fmt: skip


def test_tasks_start_at_full_recursion_depth_on_a_hub_made_deep(program) -> None:
    """A greenlet inherits the depth of where it was first started."""
    out = program("""
        import weft

        def depth(n=1):
            try:
                return depth(n + 1)
            except RecursionError:
                return n

        def spawner():
            weft.checkpoint()
            return deep(weft.spawn, depth, levels=500).result()

        def deep(fn, *args, levels):
            return fn(*args) if levels == 0 else deep(fn, *args, levels=levels - 1)

        task = deep(weft.spawn, depth, levels=900)
        print(deep(task.result, levels=900))
        print(weft.spawn(spawner).result())
        print(depth())
    """)
    in_task, nested, in_main = map(int, out.split())
    assert in_task == nested >= 998
    assert in_main <= in_task


def test_an_unknown_poller_is_refused(program) -> None:
    program("import weft\nweft.spawn(int)", 1, "epoll, poll or select", WEFT_POLLER="kqueue")


@pytest.mark.parametrize("poller", ["epoll", "poll", "select"])
def test_a_hub_that_cannot_be_made_for_want_of_files_is_made_later(program, poller) -> None:
    """And what was opened until it failed is closed, and nothing else."""
    assert (
        program(
            """
        import os
        import resource
        import threading
        import weft

        def files():
            return sorted(os.listdir("/proc/self/fd"))

        def make(left):
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            lowest = os.dup(2)
            os.close(lowest)
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + left, hard))
            try:
                return weft.spawn(int, "5").result()
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

        def try_and_try():
            left = 0
            before = files()
            while True:
                try:
                    print(left > 0, make(left))
                    return
                except OSError as error:
                    assert error.errno == 24, error
                assert files() == before, (left, before, files())
                left += 1

        try_and_try()
        thread = threading.Thread(target=try_and_try)
        thread.start()
        thread.join()
        """,
            WEFT_POLLER=poller,
        ).split()
        == ["True", "5"] * 2
    )


# -- raw greenlets inside tasks ----------------------------------------------------------


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
