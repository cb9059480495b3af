"""Programs with concurrent.futures, patched: the threads are tasks, the processes processes."""


def test_a_thousand_workers_wait_at_once_in_one_os_thread(patched) -> None:
    lines = patched("""
        import threading
        from concurrent.futures import ThreadPoolExecutor
        everybody = threading.Barrier(1000)

        def work(number):
            everybody.wait()
            return threading.get_native_id()

        with ThreadPoolExecutor(1000) as pool:
            print(set(pool.map(work, range(1000))) == {threading.get_native_id()})
    """)
    assert lines == ["True"]


def test_wait_and_as_completed(patched) -> None:
    lines = patched("""
        import threading, time
        from concurrent import futures

        with futures.ThreadPoolExecutor(3) as pool:
            gates = [threading.Event() for _ in range(3)]
            waiting = [pool.submit(gate.wait) for gate in gates]
            print(len(futures.wait(waiting, timeout=0.001).done))
            gates[1].set()
            first = futures.wait(waiting, return_when=futures.FIRST_COMPLETED)
            print(first.done == {waiting[1]})
            order = []
            for gate in (gates[2], gates[0]):
                gate.set()
                time.sleep(0.001)
            print(sorted(map(waiting.index, futures.as_completed(waiting))))
            failing = pool.submit(lambda: 1 // 0)
            found = futures.wait([failing], return_when=futures.FIRST_EXCEPTION)
            print(type(found.done.pop().exception()).__name__)
            try:
                waiting[0].result(timeout=0), pool.submit(time.sleep, 0.01).result(timeout=0.001)
            except TimeoutError as error:
                print("timeout")
    """)
    assert lines == ["0", "True", "[0, 1, 2]", "ZeroDivisionError", "timeout"]


def test_work_that_was_submitted_is_done_before_the_program_ends(patched) -> None:
    lines = patched("""
        import atexit, time
        from concurrent.futures import ThreadPoolExecutor
        pool = ThreadPoolExecutor(2)

        def work(number):
            time.sleep(0.001)
            print(number)

        atexit.register(print, "end")
        for number in range(5):
            pool.submit(work, number)
        print("main is done")
    """)
    assert lines[0] == "main is done"
    assert sorted(lines[1:-1]) == ["0", "1", "2", "3", "4"]
    assert lines[-1] == "end"


def test_tasks_and_os_threads_share_an_executor(patched) -> None:
    lines = patched("""
        from concurrent.futures import ThreadPoolExecutor
        import time, weft
        native = weft.patch.original("threading")

        with ThreadPoolExecutor(2) as pool:
            # A thread is a task of the OS thread that started it, and ends with that at the latest.
            weft.joinall([weft.spawn(pool.submit(time.sleep, 0.001).result) for _ in range(2)])
            found = []
            ask = lambda number: found.append(pool.submit(pow, number, 2).result())
            threads = [native.Thread(target=ask, args=(number,)) for number in range(3)]
            for thread in threads:
                thread.start()
            weft.joinall([weft.spawn(ask, number) for number in range(3, 6)])
            for thread in threads:
                thread.join()
            print(sorted(found))
    """)
    assert lines == ["[0, 1, 4, 9, 16, 25]"]


PROCESSES = """
import os, time

def square(number):
    return number * number

def fail(number):
    raise ValueError(number)

def die(number):
    os._exit(number)
"""


def test_a_process_pool_lets_other_tasks_run(patched, tmp_path) -> None:
    (tmp_path / "work.py").write_text(PROCESSES)
    lines = patched("""
        import multiprocessing, threading, time, work
        from concurrent.futures import ProcessPoolExecutor

        turns = 0

        def others():
            global turns
            while True:
                turns += 1
                time.sleep(0.001)

        threading.Thread(target=others, daemon=True).start()
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
            before = turns
            print(list(pool.map(work.square, range(5))))
            try:
                pool.submit(work.fail, 7).result()
            except ValueError as error:
                print(error.args, "in fail" in str(error.__cause__))
            print(turns > before)
    """)
    assert lines == ["[0, 1, 4, 9, 16]", "(7,) True", "True"]


def test_a_process_that_dies_breaks_the_pool(patched, tmp_path) -> None:
    (tmp_path / "work.py").write_text(PROCESSES)
    lines = patched("""
        import multiprocessing, work
        from concurrent.futures import ProcessPoolExecutor
        from concurrent.futures.process import BrokenProcessPool

        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
            for call in (work.die, work.square):
                try:
                    pool.submit(call, 3).result()
                except BrokenProcessPool:
                    print("broken")
    """)
    assert lines == ["broken", "broken"]
