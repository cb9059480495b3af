"""Programs with multiprocessing, patched: semaphores, pools, queues, pipes."""

import pytest

WORKER = """
import time

def hold(lock, taken, seconds=0.05):
    with lock:
        taken.set()
        time.sleep(seconds)

def echo(requests, replies, count):
    for _ in range(count):
        requests.acquire()
        replies.release()

def slow_square(number):
    time.sleep(0.005)
    return number * number

def relay(source, target):
    for item in iter(source.get, None):
        target.put(item)
    target.put(None)

def write(memory):
    memory.buf[:5] = b"hello"
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


# -- processes -------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_does_its_work_while_other_tasks_run(patched, method) -> None:
    lines = patched(f"""
        import multiprocessing, threading, time, worker
        turns = 0

        def others():
            global turns
            while True:
                turns += 1
                time.sleep(0.001)

        threading.Thread(target=others, daemon=True).start()
        with multiprocessing.get_context("{method}").Pool(2) as pool:
            before = turns
            print(pool.map(worker.slow_square, range(10)))
            print(sorted(pool.imap_unordered(worker.slow_square, range(4))))
            try:
                pool.apply(worker.slow_square, ("x",))
            except TypeError:
                print("raised")
            print(turns > before)
            later = pool.map_async(worker.slow_square, range(3))
            pool.close()
            pool.join()
            print(later.get())
    """)
    squares = [number * number for number in range(10)]
    assert lines == [str(squares), str(squares[:4]), "raised", "True", str(squares[:3])]


def test_a_manager_that_is_garbage_is_ended(patched) -> None:
    """Its finalizer joins the manager's process, which it could not in a collection."""
    lines = patched("""
        import gc, multiprocessing, multiprocessing.managers
        manager = multiprocessing.get_context("fork").Manager()
        process, manager.myself = manager._process, manager
        del manager
        gc.collect()
        process.join()
        print(process.exitcode)
    """)
    assert lines == ["0"]


def test_a_finalizer_that_a_collection_calls_is_not_registered_any_more(patched) -> None:
    """As test_thread_safety wants it; what it calls, a task calls."""
    lines = patched("""
        import gc, time
        from multiprocessing import util

        class Cycle:
            def __init__(self):
                self.itself = self
                util.Finalize(self, calls.append, ["called"], exitpriority=1)

        calls = []
        Cycle()
        before = len(util._finalizer_registry)
        gc.collect()
        at_once = before - len(util._finalizer_registry), len(calls)
        time.sleep(0)
        print(*at_once, len(calls))
    """)
    assert lines == ["1 0 1"]


def test_ctrl_c_ends_a_pool(patched) -> None:
    lines = patched("""
        import multiprocessing, os, signal, threading, time
        pool = multiprocessing.get_context("fork").Pool(2)
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            with pool:
                pool.map(time.sleep, [60, 60])
        except KeyboardInterrupt:
            print("interrupted")
        pool.join()
        print(multiprocessing.active_children())
    """)
    assert lines == ["interrupted", "[]"]


def test_a_worker_that_dies_is_replaced(patched) -> None:
    lines = patched("""
        import multiprocessing, os, signal
        with multiprocessing.get_context("fork").Pool(1) as pool:
            first = pool.apply(os.getpid)
            pool.apply_async(signal.raise_signal, [signal.SIGKILL])
            print(pool.apply(os.getpid) != first)
    """)
    assert lines == ["True"]


def test_a_queue_carries_large_items_between_tasks_and_processes(patched) -> None:
    lines = patched("""
        import multiprocessing, threading, worker
        spawn = multiprocessing.get_context("spawn")
        there, back = spawn.Queue(), spawn.Queue(1)
        child = spawn.Process(target=worker.relay, args=(there, back))
        child.start()

        def put():
            for number in range(20):
                there.put(bytes([number]) * 300_000)
            there.put(None)

        threading.Thread(target=put).start()
        print([item[0] for item in iter(back.get, None)])
        child.join()
        print(child.exitcode)
        try:
            back.get(timeout=0.01)
        except Exception as error:
            print(type(error).__name__)
    """)
    assert lines == [str(list(range(20))), "0", "Empty"]


def test_pipes_park_their_readers_and_writers(patched) -> None:
    lines = patched("""
        import multiprocessing, threading
        from multiprocessing.connection import wait
        ours, theirs = multiprocessing.Pipe()

        def echo():
            while (data := theirs.recv()) is not None:
                theirs.send(data)

        threading.Thread(target=echo).start()
        large = bytes(1_000_000)
        ours.send(large)            # more than a pipe holds: both ends wait for each other
        print(ours.recv() == large, ours.poll(0.001))
        ours.send(1)
        print(wait([ours], timeout=5) == [ours], ours.recv())
        ours.send(None)
    """)
    assert lines == ["True False", "True 1"]


def test_a_manager_serves_tasks(patched) -> None:
    lines = patched("""
        import multiprocessing, threading
        with multiprocessing.get_context("fork").Manager() as manager:
            shared, lock = manager.dict(n=0), manager.Lock()

            def count():
                for _ in range(5):
                    with lock:
                        shared["n"] += 1

            threads = [threading.Thread(target=count) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            print(shared["n"])
    """)
    assert lines == ["20"]


def test_shared_memory_is_given_back(patched) -> None:
    lines = patched("""
        import multiprocessing, worker
        from multiprocessing import shared_memory
        memory = shared_memory.SharedMemory(create=True, size=16)
        child = multiprocessing.get_context("spawn").Process(target=worker.write, args=(memory,))
        child.start()
        child.join()
        print(bytes(memory.buf[:5]))
        memory.close()
        memory.unlink()
    """)
    assert lines == ["b'hello'"]


def test_a_lock_made_before_is_named(patched) -> None:
    lines = patched(
        "print(*weft.patch.unrepaired())",
        before="import multiprocessing\nlock = multiprocessing.Lock()\n",
    )
    stops = "who waits for it stops his whole thread"
    assert lines == [f"__main__.lock: a lock of multiprocessing made before: {stops}"]
