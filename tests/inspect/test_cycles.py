"""find_cycles: who waits for whom, and never comes back."""

import threading
from contextlib import nullcontext

import pytest

import weft
import weft.threading
from weft import inspect


def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(4):
        weft.sleep(1e-6)


class Hug:
    """Two tasks that each hold one lock and want the other's."""

    def __init__(self, make, spawned) -> None:
        self.locks = make(), make()
        self.tasks = [spawned(self.take, *pair) for pair in (self.locks, self.locks[::-1])]
        settle()

    def take(self, first, second) -> None:
        with first:
            weft.checkpoint()
            with second:
                pass


@pytest.fixture
def hug(spawned):
    return lambda kind: Hug(kind, spawned)


def pairs(cycles) -> list[list[tuple[weft.Task, object]]]:
    """The cycles, each begun with its oldest task."""
    found = []
    for cycle in cycles:
        start = min(range(len(cycle)), key=lambda n: cycle[n].task.id)
        found.append([(link.task, link.waits_for) for link in cycle[start:] + cycle[:start]])
    return found


def test_nothing_waits_in_a_circle() -> None:
    assert inspect.find_cycles() == []


@pytest.mark.parametrize("kind", [weft.Lock, weft.RLock])
def test_two_locks_taken_in_opposite_order(kind, hug) -> None:
    one = hug(kind)
    (a, b), (t, u) = one.locks, one.tasks
    assert pairs(inspect.find_cycles()) == [[(t, b), (u, a)]]


def test_a_cycle_among_some_while_others_live(hug, spawned) -> None:
    first, second = hug(weft.Lock), hug(weft.Lock)
    outsider = spawned(first.locks[0].acquire)
    sleeper = spawned(weft.sleep, 60)
    settle()
    cycles = inspect.find_cycles()
    assert [{link.task for link in cycle} for cycle in cycles] == [
        set(first.tasks),
        set(second.tasks),
    ]
    assert outsider.state == sleeper.state == "parked"


def test_tasks_that_join_one_another(spawned) -> None:
    def join_next(n: int) -> None:
        weft.checkpoint()
        tasks[(n + 1) % 3].join()

    tasks: list[weft.Task] = []
    tasks += [weft.spawn(join_next, n) for n in range(3)]
    settle()
    (cycle,) = pairs(inspect.find_cycles())
    assert cycle == [(tasks[n], tasks[(n + 1) % 3]) for n in range(3)]
    tasks[1].cancel()
    weft.joinall(tasks)


def test_a_group_that_waits_for_a_child_that_wants_its_parents_lock(spawned) -> None:
    lock = weft.Lock()

    def parent() -> None:
        with lock, weft.group() as g:
            groups.append(g)
            g.spawn(weft.sleep, 60)
            g.spawn(lock.acquire)

    groups: list[weft.Group] = []
    task = spawned(parent)
    settle()
    (cycle,) = pairs(inspect.find_cycles())
    child = groups[0].tasks[1]
    assert cycle == [(task, groups[0]), (child, lock)]


def test_a_limiter_is_stuck_when_all_who_have_a_place_are(spawned) -> None:
    limiter, lock, go = weft.CapacityLimiter(2), weft.Lock(), weft.Event()

    def have_a_place(wait) -> None:
        with limiter:
            wait()
            lock.acquire()

    def want_a_place() -> None:
        with lock:
            weft.checkpoint()
            with limiter:
                pass

    owner = spawned(want_a_place)
    stuck, alive = spawned(have_a_place, weft.checkpoint), spawned(have_a_place, go.wait)
    settle()
    assert set(limiter.holders()) == {stuck, alive}
    assert inspect.find_cycles() == []
    go.set()
    settle()
    (cycle,) = pairs(inspect.find_cycles())
    assert cycle in ([(owner, limiter), (stuck, lock)], [(owner, limiter), (alive, lock)])


def test_a_wait_that_ends_by_itself_is_in_no_cycle(spawned) -> None:
    a, b = weft.Lock(), weft.Lock()

    def patient() -> None:
        with a:
            weft.checkpoint()
            b.acquire(60)

    def limited() -> None:
        with b, weft.timeout(60):
            weft.checkpoint()
            a.acquire()

    spawned(patient)
    spawned(limited)
    settle()
    assert inspect.find_cycles() == []


@pytest.mark.parametrize("shielded", [False, True])
def test_a_timeout_counts_if_it_can_end_the_wait(shielded: bool, spawned) -> None:
    a, b = weft.Lock(), weft.Lock()

    def one() -> None:
        with a:
            weft.checkpoint()
            b.acquire()

    def other() -> None:
        with b, weft.timeout(60), weft.shield() if shielded else nullcontext():
            weft.checkpoint()
            a.acquire()

    task = spawned(one)
    spawned(other)
    settle()
    assert bool(inspect.find_cycles()) is shielded
    task.cancel()
    task.join()


def test_a_lock_that_is_waited_for_by_its_taker_is_a_signal(spawned) -> None:
    """``_thread`` locks have been used so for decades; somebody else releases it."""
    lock = weft.threading.Lock()

    def wait_for_news() -> None:
        lock.acquire()
        lock.acquire()

    task = spawned(wait_for_news)
    settle()
    assert inspect.find_cycles() == []
    lock.release()
    task.join()


def test_the_locks_of_threading_know_who_took_them(spawned) -> None:
    a, b = weft.threading.Lock(), weft.threading.RLock()

    def take(first, second) -> None:
        first.acquire()
        weft.checkpoint()
        second.acquire()
        b.release()

    t = weft.spawn(take, a, b)
    u = weft.spawn(take, b, a)
    settle()
    assert pairs(inspect.find_cycles()) == [[(t, b), (u, a)]]
    a.release()  # anybody may
    u.join()
    t.join()
    assert inspect.find_cycles() == []


def test_a_lock_that_was_handed_over_is_held_by_who_got_it(spawned) -> None:
    a = weft.threading.Lock()
    done = weft.threading.Event()
    a.acquire()

    def take() -> None:
        with a:
            done.wait()

    task = spawned(take)
    waiter = spawned(a.acquire)
    settle()
    a.release()
    settle()
    assert f"held by {task.name!r}" in inspect.report()
    done.set()
    waiter.join()


def test_threads_that_join_one_another() -> None:
    go = weft.threading.Event()

    def join_other(n: int) -> None:
        go.wait()
        threads[1 - n].join()

    threads = [weft.threading.Thread(target=join_other, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    go.set()
    settle()
    (cycle,) = inspect.find_cycles()
    assert {link.task.name for link in cycle} == {thread.name for thread in threads}
    cycle[0].task.cancel()
    for thread in threads:
        thread.join()


def test_asking_makes_no_hub() -> None:
    before = len(weft.tasks())
    thread = threading.Thread(target=lambda: (inspect.find_cycles(), inspect.report()))
    thread.start()
    thread.join()
    assert len(weft.tasks()) == before
