"""RLock: what it has beyond a Lock. What they have in common is tested in test_lock.py."""

import pytest

import weft
from weft import lowlevel
from weft._core._lock import RLock


def parked_in(fn, *args) -> weft.Task:
    """A task that has called ``fn`` and waits in it."""
    task = weft.spawn(fn, *args)
    weft.checkpoint()
    assert task.state == "parked", task
    return task


def owner(lock):
    """A task that holds ``lock`` until it is unparked."""

    def hold() -> None:
        with lock:
            lowlevel.park("test")

    return parked_in(hold)


def test_only_the_owner_releases_an_rlock() -> None:
    lock = RLock()
    with pytest.raises(RuntimeError, match=r"^cannot release un-acquired lock$"):
        lock.release()
    holder = owner(lock)
    for call in (lock.release, lock.__exit__):
        with pytest.raises(RuntimeError, match=r"^cannot release un-acquired lock$"):
            call()
    lowlevel.unpark(holder)
    holder.join()


def test_an_rlock_counts_how_often_its_owner_holds_it() -> None:
    lock = RLock()
    assert lock._recursion_count() == 0 and not lock._is_owned()
    for depth in (1, 2, 3):
        lock.acquire()
        assert lock._recursion_count() == depth and lock._is_owned()
    assert weft.spawn(lock._recursion_count).result() == 0
    assert weft.spawn(lock._is_owned).result() is False
    assert weft.spawn(lock.acquire, False).result() is False
    for _ in range(3):
        lock.release()
    assert not lock._is_owned()
    assert weft.spawn(lock.acquire, False).result() is True


def test_an_rlock_is_saved_whole_and_restored_whole() -> None:
    lock = RLock()
    with pytest.raises(RuntimeError):
        lock._release_save()
    lock.acquire()
    lock.acquire()
    state = lock._release_save()
    assert not lock._is_owned()
    assert weft.spawn(lock.acquire, False).result()
    lock._at_fork_reinit()
    lock._acquire_restore(state)
    assert lock._recursion_count() == 2


def test_restoring_an_rlock_outlasts_what_is_thrown() -> None:
    lock = RLock()
    steps = []

    def restore() -> None:
        lock.acquire()
        state = lock._release_save()
        weft.checkpoint()
        lock._acquire_restore(state)
        steps.append(lock._recursion_count())
        weft.checkpoint()

    task = weft.spawn(restore)
    holder = owner(lock)
    weft.checkpoint()
    lowlevel.unpark(task, exception=KeyboardInterrupt())
    weft.checkpoint()
    assert task.state == "parked"
    lowlevel.unpark(holder)
    with pytest.raises(KeyboardInterrupt):
        task.join()
        weft.checkpoint()
    assert isinstance(task.exception, KeyboardInterrupt)
    assert steps == [1]
