"""Programs with multiprocessing, patched: semaphores between tasks and processes."""

import pytest

WORKER = """
import time

def patched():
    import sys
    return "weft" in sys.modules

def hold(lock, taken, seconds=0.05):
    with lock:
        taken.set()
        time.sleep(seconds)

def echo(requests, replies, count):
    for _ in range(count):
        requests.acquire()
        replies.release()
"""


@pytest.fixture(autouse=True)
def worker(tmp_path) -> None:
    """A module that processes started by "spawn" import, without weft."""
    (tmp_path / "worker.py").write_text(WORKER)


# -- semaphores ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_lock_that_another_process_holds_stops_only_who_waits_for_it(patched, method) -> None:
    lines = patched(f"""
        import multiprocessing, threading, time, worker
        here = multiprocessing.get_context("{method}")
        lock, taken = here.Lock(), here.Event()
        child = here.Process(target=worker.hold, args=(lock, taken))
        child.start()
        taken.wait()
        turns = 0

        def wait():
            with lock:
                print("got it", turns > 1)

        waiter = threading.Thread(target=wait)
        waiter.start()
        while waiter.is_alive():
            turns += 1
            time.sleep(0.005)
        child.join()
        print(child.exitcode)
    """)
    assert lines == ["got it True", "0"]


def test_semaphores_go_between_tasks_and_an_unpatched_process(patched) -> None:
    lines = patched("""
        import multiprocessing, threading, worker
        spawn = multiprocessing.get_context("spawn")
        requests, replies = spawn.Semaphore(0), spawn.Semaphore(0)
        child = spawn.Process(target=worker.echo, args=(requests, replies, 60))
        child.start()

        def ask():
            for _ in range(20):
                requests.release()
                replies.acquire()

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        child.join()
        print(child.exitcode, replies.acquire(False))
    """)
    assert lines == ["0 False"]


def test_a_recursive_lock_belongs_to_a_task(patched) -> None:
    lines = patched("""
        import multiprocessing, threading
        lock = multiprocessing.RLock()

        def other():
            print(lock.acquire(False), lock.acquire(timeout=0.01))
            try:
                lock.release()
            except AssertionError as error:
                print(error)

        with lock, lock:
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
            print(lock._semlock._is_mine(), lock._semlock._count(), lock._semlock.kind)
        print(lock.acquire(False))
    """)
    assert lines == [
        "False False",
        "attempt to release recursive lock not owned by thread",
        "True 2 0",
        "True",
    ]


def test_a_wait_given_up_leaves_the_semaphore(patched) -> None:
    lines = patched("""
        import multiprocessing, weft
        semaphore = multiprocessing.Semaphore(0)
        waiters = [weft.spawn(semaphore.acquire) for _ in range(3)]
        late = weft.spawn(semaphore.acquire, True, 0.01)
        weft.sleep(0.02)
        print(late.result())
        for waiter in waiters[:2]:
            waiter.cancel()
        weft.checkpoint()
        semaphore.release()
        print(waiters[2].result(), semaphore.get_value())
        semaphore.release()
        print(semaphore.acquire(timeout=5), semaphore.get_value())
    """)
    assert lines == ["False", "True 0", "True 0"]


def test_a_thread_that_comes_too_late_gives_the_semaphore_back(patched) -> None:
    """The task is cancelled and the semaphore released before either can see the other."""
    lines = patched("""
        import multiprocessing, weft
        semaphore = multiprocessing.Semaphore(0)
        for _ in range(50):
            waiter = weft.spawn(semaphore.acquire)
            weft.sleep(0.0005)
            semaphore.release()
            waiter.cancel()
            got = waiter.join() and waiter.exception is None
            if not got:
                assert semaphore.acquire(timeout=5)
        print(semaphore.get_value())
    """)
    assert lines == ["0"]


def test_a_condition_an_event_and_a_barrier_between_processes(patched) -> None:
    lines = patched("""
        import multiprocessing, threading
        fork = multiprocessing.get_context("fork")

        def child(condition, event, barrier):
            with condition:
                condition.notify_all()
            event.wait()
            barrier.wait()

        condition, event, barrier = fork.Condition(), fork.Event(), fork.Barrier(3)
        process = fork.Process(target=child, args=(condition, event, barrier))
        with condition:
            process.start()
            print(condition.wait(5))
        thread = threading.Thread(target=lambda: (event.wait(), barrier.wait()))
        thread.start()
        event.set()
        print(barrier.wait() in range(3))
        thread.join()
        process.join()
        print(process.exitcode)
    """)
    assert lines == ["True", "True", "0"]


def test_a_child_made_by_fork_alone_does_not_wait_for_the_parents_tasks(patched) -> None:
    lines = patched("""
        import multiprocessing, os, warnings, weft
        # That there are threads: the one that waits for the semaphore is no business of the child.
        warnings.simplefilter("ignore", DeprecationWarning)
        semaphore = multiprocessing.Semaphore(0)
        waiter = weft.spawn(semaphore.acquire)
        weft.checkpoint()
        child = os.fork()
        if not child:
            os._exit(semaphore.acquire(timeout=5))
        semaphore.release()
        semaphore.release()
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), waiter.result())
    """)
    assert lines == ["1 True"]
