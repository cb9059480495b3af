"""Programs with locks, patched: signals, imports, spinning, logging."""


def test_ctrl_c_ends_a_wait_for_a_lock(patched) -> None:
    lines = patched("""
        import signal, threading, time
        lock = threading.Lock()
        lock.acquire()
        threading.Timer(0.01, signal.raise_signal, [signal.SIGINT]).start()
        for wait in (lock.acquire, threading.Event().wait):
            try:
                wait()
            except KeyboardInterrupt:
                print("interrupted", lock.locked())
            threading.Timer(0.01, signal.raise_signal, [signal.SIGINT]).start()
        try:
            time.sleep(10)
        except KeyboardInterrupt:
            print("interrupted")
    """)
    assert lines == ["interrupted True"] * 2 + ["interrupted"]


def test_ctrl_c_leaves_a_condition_whole(patched) -> None:
    lines = patched("""
        import signal, threading, time

        def hold():
            with condition:
                signal.raise_signal(signal.SIGINT)
                time.sleep(0.01)

        condition = threading.Condition()
        threading.Timer(0.01, hold).start()
        try:
            with condition:
                condition.wait()
        except KeyboardInterrupt:
            print("interrupted", condition._is_owned())
        print(condition.acquire(False))
    """)
    assert lines == ["interrupted False", "True"]


def test_a_signal_handler_may_release(patched) -> None:
    lines = patched("""
        import queue, signal, threading
        lock, items = threading.Lock(), queue.SimpleQueue()
        lock.acquire()

        def handle(number, frame):
            lock.release()
            items.put("put")

        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        print(lock.acquire(), items.get())
    """)
    assert lines == ["True put"]


def test_a_second_importer_waits_for_the_whole_module(patched, tmp_path) -> None:
    (tmp_path / "slow.py").write_text(
        "import time\nfirst = 1\ntime.sleep(0.01)\nsecond = 2\n", encoding="utf-8"
    )
    lines = patched("""
        import sys, threading
        sys.path.insert(0, ".")

        def load(number):
            import slow
            print(number, slow.first, slow.second)

        threads = [threading.Thread(target=load, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    """)
    assert sorted(lines) == ["0 1 2", "1 1 2", "2 1 2"]


def test_a_module_that_patches_can_be_waited_for(run_python, tmp_path) -> None:
    (tmp_path / "app.py").write_text(
        """
import weft.patch
weft.patch.all()
import threading, time

def load():
    import app
    print("whole", app.whole)

thread = threading.Thread(target=load)
thread.start()
time.sleep(0.01)
whole = True
"""
    )
    done = run_python("-c", "import app; app.thread.join()", timeout=60)
    assert (done.stdout, done.stderr) == ("whole True\n", "")


def test_a_loop_that_polls_a_queue_lets_the_other_put(patched) -> None:
    lines = patched("""
        import queue, threading
        for kind in (queue.Queue, queue.SimpleQueue):
            items = kind()
            threading.Timer(0.001, items.put, [1]).start()
            while items.empty():
                pass
            print(items.get())
    """)
    assert lines == ["1", "1"]


def test_logging_from_threads_and_tasks(patched) -> None:
    lines = patched(
        """
        import threading
        import weft

        def work(number):
            logging.info("%d", number)

        tasks = [weft.spawn(work, number) for number in range(3)]
        tasks[0].name = "first task"
        threads = [threading.Thread(target=work, args=(3,), name="a thread")]
        threads[0].start()
        weft.joinall(tasks)
        threads[0].join()
        """,
        before="""
        import logging, sys
        logging.basicConfig(stream=sys.stdout, level="INFO", format="%(threadName)s: %(message)s")
        """,
    )
    assert lines[0] == "first task: 0" and lines[-1] == "a thread: 3" and len(lines) == 4


def test_threads_on_several_hubs_count_exactly(patched) -> None:
    lines = patched("""
        import queue, sys, threading, time
        native = weft.patch.original("threading")
        sys.setswitchinterval(0.00001)
        lock, condition, items = threading.Lock(), threading.Condition(), queue.Queue(5)
        total, tokens, inside = 0, 0, 0

        def count():
            global total, inside
            for _ in range(200):
                with lock:
                    inside += 1
                    assert inside == 1
                    total += 1
                    inside -= 1

        def give():
            global tokens
            for _ in range(200):
                items.put(1)
                with condition:
                    tokens += 1
                    condition.notify()

        def take():
            global tokens
            for _ in range(200):
                items.get()
                with condition:
                    while not tokens:
                        condition.wait()
                    tokens -= 1

        def hub():
            threads = [threading.Thread(target=target) for target in (count, give, take) * 5]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        hubs = [native.Thread(target=hub) for _ in range(4)]
        for each in hubs:
            each.start()
        hub()
        while any(each.is_alive() for each in hubs):
            time.sleep(0.001)
        print(total, tokens, items.qsize(), inside)
    """)
    assert lines == [f"{5 * 5 * 200} 0 0 0"]
