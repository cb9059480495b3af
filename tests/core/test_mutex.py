"""Lock and RLock: they know their holder, and what misuse is told."""

import re

import pytest

import weft
from weft import lowlevel
from weft._core._mutex import Mutex

KINDS = pytest.mark.parametrize("make", [weft.Lock, weft.RLock])


def parked_in(fn, *args) -> weft.Task:
    task = lowlevel.spawn_in(fn, args, name="other")
    while task.state in ("new", "ready"):
        weft.checkpoint()
    assert task.state == "parked", task
    return task


def taken(lock) -> weft.Task:
    def hold() -> None:
        with lock:
            lowlevel.park("test")

    return parked_in(hold)


def finish(task: weft.Task) -> None:
    lowlevel.unpark(task)
    task.join()


@KINDS
def test_it_knows_who_holds_it(make) -> None:
    lock = make()
    assert lock.owner is None and lock.holders() == []
    with lock:
        assert lock.owner is weft.current() and lock.holders() == [weft.current()]
    holder = taken(lock)
    assert lock.owner is holder
    waiter = parked_in(lock.acquire)
    assert lock.owner is holder
    finish(holder)
    assert lock.owner is waiter, "handed over, whether it has run or not"


@KINDS
def test_the_holder_in_a_thread_without_tasks_is_its_main_task(make, in_thread) -> None:
    lock = make()

    def take() -> tuple[bool, bool]:
        with lock:
            return lock.owner is weft.current(), lock.owner.is_main

    assert in_thread(take) == (True, True)


@KINDS
def test_repr_and_statistics_tell_holder_and_waiters(make) -> None:
    lock = make()
    name = f"<weft.{make.__name__} at 0x[0-9a-f]+ "
    assert re.fullmatch(name + "free>", repr(lock))
    assert lock.statistics() == {"held": 0, "waiting": 0}
    holder = taken(lock)
    waiter = parked_in(lock.acquire)
    assert re.fullmatch(name + "held by task 'other', 1 waiting>", repr(lock))
    assert lock.statistics() == {"held": 1, "waiting": 1}
    finish(holder)
    waiter.join()
    assert re.fullmatch(name + "held by task 'other', which has ended, 0 waiting>", repr(lock))


@KINDS
def test_releasing_what_nobody_holds_is_an_error(make) -> None:
    lock = make()
    for call in (lock.release, lock.__exit__):
        with pytest.raises(weft.TaskError, match=r"task 'main' cannot release .* free>"):
            call()
    assert isinstance(make().acquire(), bool)


@KINDS
def test_releasing_what_another_holds_says_who(make) -> None:
    lock = make()
    holder = taken(lock)
    for call in (lock.release, lock.__exit__):
        with pytest.raises(weft.TaskError, match=r"held by task 'other'.*use an Event or a Sem"):
            call()
    assert lock.owner is holder
    finish(holder)
    assert not lock.locked()


@KINDS
def test_the_thread_of_the_holder_is_not_the_holder(make, in_thread) -> None:
    lock = make()
    with lock:
        with pytest.raises(weft.TaskError, match=r"main of cleaner.*held by task 'main'"):
            in_thread(lock.release, name="cleaner")
        assert lock.locked()


def test_taking_a_lock_twice_is_an_error_instead_of_a_hang() -> None:
    lock = weft.Lock()
    with lock:
        for seconds in (None, 60):
            with pytest.raises(weft.TaskError, match=r"caller's already.*use RLock"):
                lock.acquire(seconds)
        with pytest.raises(weft.TaskError, match="use RLock"), lock:
            pass
        assert lock.acquire(0) is False, "it does not wait, so it cannot hang"
        assert lock.statistics() == {"held": 1, "waiting": 0}
    assert not lock.locked()


@KINDS
def test_waiting_for_a_holder_that_has_ended_is_an_error(make) -> None:
    lock = make()
    weft.spawn(lock.acquire).join()
    for seconds in (None, 60):
        with pytest.raises(weft.TaskError, match=r"which has ended.*is never released"):
            lock.acquire(seconds)
    assert lock.acquire(0) is False


@KINDS
@pytest.mark.leaves_tasks
def test_waiting_for_a_holder_whose_thread_has_ended_is_an_error(make, in_thread, caplog) -> None:
    lock = make()
    in_thread(taken, lock)
    while "ended with 1 unfinished task" not in caplog.text:
        weft.checkpoint()
    with pytest.raises(weft.TaskError, match="'other', which has ended"):
        lock.acquire()


def test_an_rlock_is_free_after_as_many_releases_as_acquires() -> None:
    lock = weft.RLock()
    for times in range(1, 4):
        assert lock.acquire(0 if times % 2 else None)
        assert lock.statistics() == {"held": times, "waiting": 0}
    assert re.search("held by task 'main' 3 times, 0 waiting", repr(lock))
    waiter = parked_in(lock.acquire)
    for _ in range(3):
        assert lock.owner is weft.current()
        lock.release()
    assert lock.owner is waiter
    assert lock.statistics() == {"held": 1, "waiting": 0}
    with pytest.raises(weft.TaskError):
        lock.release()


def test_an_rlock_is_taken_once_by_whom_it_is_handed_to() -> None:
    lock = weft.RLock()

    def take() -> None:
        with lock, lock:
            pass

    with lock, lock:
        waiters = [parked_in(take) for _ in range(3)]
    weft.joinall(waiters)
    assert not lock.locked()


def test_a_raw_greenlet_is_the_task_it_runs_in() -> None:
    from greenlet import greenlet

    lock = weft.RLock()
    with lock:
        assert greenlet(lock.acquire).switch() is True
        lock.release()


@KINDS
def test_a_lock_that_is_dropped_while_held_holds_nobody_back(make) -> None:
    task = weft.spawn(lambda: make().acquire())
    assert task.result() is True


def test_kinds_cannot_be_derived_from() -> None:
    for kind in (weft.Lock, weft.RLock):
        assert issubclass(kind, Mutex)
        with pytest.raises(TypeError):
            type("Sub", (kind,), {})
    assert not issubclass(weft.RLock, weft.Lock)


@KINDS
def test_it_takes_no_arguments(make) -> None:
    with pytest.raises(TypeError, match=f"weft.{make.__name__}\\(\\) takes no arguments"):
        make(True)


def test_in_a_forked_child_a_lock_of_the_parents_task_says_so(program) -> None:
    said = program("""
        import os, weft
        from weft import lowlevel

        lock = weft.Lock()

        def hold():
            with lock:
                lowlevel.park("test")

        task = lowlevel.spawn_in(hold, name="parents")
        weft.checkpoint()
        pid = os.fork()
        if pid == 0:
            try:
                lock.acquire()
            except weft.TaskError as error:
                print("task 'parents', which has ended" in str(error), flush=True)
            os._exit(0)
        os.waitpid(pid, 0)
        lowlevel.unpark(task)
        task.join()
    """)
    assert said == "True\n"
