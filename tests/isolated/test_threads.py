"""Programs with threads, patched: what runs as a task, what stays native, how they end."""


def test_threads_are_tasks_and_keep_their_class(patched) -> None:
    lines = patched("""
        import _thread, queue, threading, time
        import weft

        class Worker(threading.Thread):
            def run(self):
                time.sleep(0.001)
                done.put((self.name, weft.current().name, threading.current_thread() is self))

        done = queue.Queue()
        workers = [Worker(name=f"worker {n}") for n in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        while not done.empty():
            print(*done.get())
        print(len({worker.ident for worker in workers}), threading.active_count())
        print(threading.get_native_id() == workers[0].native_id)
    """)
    assert lines == [f"worker {n} worker {n} True" for n in range(3)] + ["3 1", "True"]


def test_a_pools_thread_was_spawned_where_the_program_submitted(patched) -> None:
    lines = patched("""
        from concurrent.futures import ThreadPoolExecutor
        import weft

        def submit(pool):
            return pool.submit(lambda: weft.current().spawn_place)

        with ThreadPoolExecutor() as pool:
            print(submit(pool).result())
    """)
    assert lines == ["<string>:8 in submit"]


def test_a_thousand_threads_take_one_os_thread(patched) -> None:
    lines = patched("""
        import os, threading, time
        go = threading.Event()
        threads = [threading.Thread(target=go.wait) for _ in range(1000)]
        for thread in threads:
            thread.start()
        print(threading.active_count(), len(os.listdir("/proc/self/task")))
        go.set()
        for thread in threads:
            thread.join()
        print(threading.active_count())
    """)
    assert lines == ["1001 1", "1"]


def test_originals_start_os_threads(patched) -> None:
    lines = patched("""
        import _thread, queue, threading, time
        native = weft.patch.original("threading")
        print(native is weft.patch.original("threading"), native is not threading)
        answer = queue.Queue()

        def work():
            me = native.current_thread()
            answer.put((me is thread, threading.current_thread() is thread,
                        native.get_ident() == threading.get_ident() == thread.ident,
                        native.get_native_id() != main))

        main = native.get_native_id()
        thread = native.Thread(target=work)
        thread.start()
        # The hub goes on meanwhile, since this queue is green.
        print(answer.get())
        thread.join()
        print(thread.is_alive(), thread in threading.enumerate())
        print(type(native.Lock()).__module__, type(threading.Lock()).__module__)
        print(weft.patch.original("time").sleep.__module__, time.sleep.__module__)
        print(weft.patch.original("queue").SimpleQueue.__module__)
    """)
    assert lines == [
        "True True",
        "(True, True, True, True)",
        "False False",
        "_thread weft._core._lock",
        "time weft._core._time",
        "_queue",
    ]


def test_the_program_ends_when_its_threads_have(patched) -> None:
    lines = patched("""
        import threading, time
        native = weft.patch.original("threading")

        def work(name, child=None):
            threading.main_thread().join()
            time.sleep(0.01)
            print(f"{name} ends\\n", end="", flush=True)
            if child:
                threading.Thread(target=work, args=(child,)).start()

        native.Thread(target=work, args=("native", "native's child")).start()
        threading.Thread(target=work, args=("green", "green's child")).start()
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
        native.Thread(target=time.sleep, args=(1000,), daemon=True).start()
        print("main ends", flush=True)
    """)
    assert lines[0] == "main ends"
    assert sorted(lines[1:]) == sorted(
        f"{kind}{whose} ends" for kind in ("native", "green") for whose in ("", "'s child")
    )


def test_daemon_threads_stop_where_they_stand(patched) -> None:
    """A web server's guests were told of an error while it went down."""
    lines = patched("""
        import threading, time

        def serve():
            try:
                time.sleep(1000)
            finally:
                print("a daemon thread is unwound")

        def count():
            while True:
                time.sleep(0)

        threading.Thread(target=serve, daemon=True).start()
        threading.Thread(target=count, daemon=True).start()
        task = weft.spawn(weft.sleep, 1000)
        time.sleep(0.001)
        print("end")
    """)
    assert lines == ["end"]


def test_green_threads_of_an_os_thread_end_before_it(patched) -> None:
    lines = patched("""
        import threading, time
        native = weft.patch.original("threading")

        def green():
            time.sleep(0.01)
            print("green ends")

        def run():
            threading.Thread(target=green).start()
            print("run ends")

        thread = native.Thread(target=run)
        thread.start()
        thread.join()
        print("joined")
    """)
    assert lines == ["run ends", "green ends", "joined"]


def test_exceptions_end_only_their_thread(patched) -> None:
    lines = patched(
        """
        import sys, threading

        def fail():
            raise ArithmeticError("on purpose")

        for target in (fail, sys.exit):
            thread = threading.Thread(target=target, name="poor")
            thread.start()
            thread.join()
        threading.excepthook = lambda told: print(told.exc_type.__name__, told.thread.name)
        thread = threading.Thread(target=fail, name="rich")
        thread.start()
        thread.join()
        print("main goes on")
        """,
        complaint="Exception in thread poor:",
    )
    assert lines == ["ArithmeticError rich", "main goes on"]


def test_a_cancelled_thread_ends_silently(patched) -> None:
    lines = patched("""
        import threading
        import weft

        def wait():
            try:
                threading.Event().wait()
            finally:
                print("cleaned up")

        thread = threading.Thread(target=wait, name="waiter")
        thread.start()
        [task] = [task for task in weft.tasks() if task.name == "waiter"]
        task.cancel()
        thread.join()
        print(thread.is_alive())
    """)
    assert lines == ["cleaned up", "False"]


def test_executors_work_and_need_no_shutdown_at_exit(patched) -> None:
    lines = patched("""
        import time
        from concurrent.futures import ThreadPoolExecutor, as_completed, wait

        def work(number):
            time.sleep(0.001 * (5 - number))
            return number

        with ThreadPoolExecutor(5) as pool:
            print(list(pool.map(work, range(5))))
            futures = [pool.submit(work, number) for number in range(5)]
            print([future.result() for future in as_completed(futures)])
        pool = ThreadPoolExecutor(2)
        future = pool.submit(work, 1)
        print(wait([future]).done == {future})
        pool.submit(lambda: (time.sleep(0.01), print("last words")))
        print("main ends", flush=True)
    """)
    assert lines == ["[0, 1, 2, 3, 4]", "[4, 3, 2, 1, 0]", "True", "main ends", "last words"]


def test_a_dummy_of_a_task_is_forgotten_when_it_ends(patched) -> None:
    lines = patched("""
        import threading
        import weft

        def who():
            return threading.current_thread().name, len(threading._active)

        for _ in range(3):
            print(*weft.spawn(who).result()[1:], len(threading._active))
        task = weft.spawn(who)
        task.name = "fetcher"
        print(task.result()[0])
    """)
    assert lines == ["2 1"] * 3 + ["fetcher"]


def test_a_thread_that_forks_is_the_main_thread_of_the_child(patched) -> None:
    lines = patched("""
        import os, sys, threading, time, warnings
        warnings.simplefilter("ignore", DeprecationWarning)   # fork with threads

        def fork():
            pid = os.fork()
            if pid == 0:
                me = threading.current_thread()
                print(me is threading.main_thread(), threading.active_count(), me.is_alive(),
                      other.is_alive(), flush=True)
                other.join()
                thread = threading.Thread(target=time.sleep, args=(0.001,))
                thread.start()
                thread.join()
                print("child ends", flush=True)
                os._exit(7)
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

        other = threading.Thread(target=threading.Event().wait, daemon=True)
        other.start()
        forker = threading.Thread(target=fork)
        forker.start()
        forker.join()
        print(other.is_alive(), threading.current_thread() is threading.main_thread())
    """)
    assert lines == ["True 1 True False", "child ends", "7", "True True"]


def test_main_can_be_waited_for(patched) -> None:
    lines = patched("""
        import threading

        def wait():
            threading.main_thread().join()
            print("main has ended")

        threading.Thread(target=wait).start()
        print("main ends")
    """)
    assert lines == ["main ends", "main has ended"]


def test_idents_are_accepted_by_what_takes_pthreads(patched) -> None:
    lines = patched("""
        import signal, threading, time

        def ask():
            me = threading.get_ident()
            print(time.pthread_getcpuclockid(me) == time.pthread_getcpuclockid(main))
            signal.pthread_kill(me, signal.SIGUSR1)

        main = threading.get_ident()
        caught = threading.Event()
        signal.signal(signal.SIGUSR1, lambda *_: caught.set())
        threading.Thread(target=ask).start()
        print(caught.wait(10))
    """)
    assert lines == ["True", "True"]


def test_the_frames_of_every_thread_are_found_by_its_identity(patched) -> None:
    """test_sys's test_current_frames; what prints all stacks asks for them so."""
    assert patched("""
        import sys, threading
        def waits(event):
            ready.set()
            event.wait()
        ready, event = threading.Event(), threading.Event()
        thread = threading.Thread(target=waits, args=(event,))
        thread.start()
        ready.wait()
        def names(frame):
            return [] if frame is None else [frame.f_code.co_name, *names(frame.f_back)]
        frames = sys._current_frames()
        print(names(frames[thread.ident]).index("waits") > 0)
        print(frames[threading.get_ident()] is sys._getframe())
        def looks():
            print(names(sys._current_frames()[threading.main_thread().ident])[-1])
        other = threading.Thread(target=looks)
        other.start()
        other.join()
        event.set()
        thread.join()
        print(thread.ident in sys._current_frames())
    """) == ["True", "True", "<module>", "False"]
