"""The hub: in which order tasks run, who gets a turn, and what it needs to be made."""

import os

import pytest

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
    assert 6400 // 65 <= len(turns) <= 6400 / 8


def test_a_task_whose_operations_take_long_yields_after_its_time() -> None:
    ran: list[int] = []
    weft.checkpoint()
    task = weft.spawn(ran.append, 1)
    lowlevel.spend()
    until = weft.now() + 0.006
    while weft.now() < until:
        pass
    for _ in range(8):
        lowlevel.spend()
    assert ran == [1]
    task.join()


def test_the_time_of_the_task_before_is_not_counted() -> None:
    log: list[str] = []

    def busy() -> None:
        until = weft.now() + 0.006
        while weft.now() < until:
            pass

    def next_one() -> None:
        for _ in range(8):
            lowlevel.spend()
        log.append("eight operations")

    weft.spawn(busy)
    weft.spawn(next_one)
    weft.spawn(log.append, "the one after it").join()
    assert log == ["eight operations", "the one after it"]


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


# -- making one ------------------------------------------------------------------------


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
