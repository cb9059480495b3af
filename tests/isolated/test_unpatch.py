"""weft.patch.unpatch: everything back as it was, again and again."""

SNAPSHOT = """
import _thread, asyncio, builtins, getpass, multiprocessing.synchronize, os, queue, select
import selectors, signal, socket, ssl, subprocess, sys, threading, time
from time import sleep as nap
import weft, weft.ssl, weft.threading, weft.queue, weft.select

def waits(first=nap, *, second=nap):
    return first, second

class Keeper:
    pause = nap
    lock = threading.Lock()

def snapshot():
    found = dict(enumerate(waits()), attribute=Keeper.pause, name=nap)
    modules = [_thread, builtins, getpass, os, queue, select, selectors, signal, socket, ssl]
    modules += [asyncio.base_events, multiprocessing.synchronize, subprocess, threading, time]
    for module in modules:
        names = dict(vars(module))
        found.update({(module.__name__, name): value for name, value in names.items()})
        for owner in names.values():
            if isinstance(owner, type):
                found.update({(owner, name): value for name, value in vars(owner).items()})
    return found

def changed():
    now = snapshot()
    return [key for key in {**before, **now} if now.get(key) is not before.get(key)]

before = snapshot()
"""


def test_every_original_is_back(patched) -> None:
    lines = patched(
        """
        for round in range(3):
            weft.patch.all()
            print(len(changed()) > 100, weft.patch.is_patched("time"))
            weft.patch.unpatch()
            left = [key for key in changed() if key != ("threading", "_thread_local_info")]
            print(left, weft.patch.is_patched("time"), weft.patch.unrepaired())
        """,
        before=SNAPSHOT,
    )
    assert lines == ["True True", "[] False []"] * 3


def test_threads_are_native_again_and_what_stayed_green_works(patched) -> None:
    lines = patched(
        """
        lock, event, items = threading.Lock(), threading.Event(), queue.Queue()
        weft.patch.unpatch()
        weft.patch.unpatch()

        def work():
            with lock, Keeper.lock:
                items.put(threading.get_native_id())
            event.wait()

        thread = threading.Thread(target=work)
        thread.start()
        print(items.get() != threading.get_native_id(), type(lock).__module__)
        event.set()
        thread.join()
        print(threading.enumerate() == [threading.main_thread()])
        print(isinstance(socket.socketpair()[0], weft.socket.socket))
        """,
        before=SNAPSHOT,
    )
    assert lines == ["True weft._core._lock", "True", "False"]


def test_running_threads_are_named_and_nothing_changes(patched) -> None:
    lines = patched("""
        import threading
        go = threading.Event()
        threads = [threading.Thread(target=go.wait, name=f"worker {n}") for n in range(7)]
        for thread in threads:
            thread.start()
        try:
            weft.patch.unpatch()
        except weft.TaskError as error:
            print(error)
        print(weft.patch.is_patched("threading"))
        go.set()
        for thread in threads:
            thread.join()
        weft.patch.unpatch()
        print(weft.patch.is_patched("threading"))
    """)
    assert lines[0].startswith(
        "unpatch() would leave tasks behind whose waits stop their thread: worker 0 (spawned at"
    )
    assert lines[0].endswith(
        " and 2 more; join them or shut down what started them, then call it again"
    )
    assert lines[1:] == ["True", "False"]


def test_standard_streams_are_native_again(patched) -> None:
    lines = patched("""
        import sys
        print("green")
        weft.patch.unpatch()
        print("native", type(sys.stdout.buffer).__module__, type(sys.stderr.buffer).__module__)
        weft.patch.all()
        print("green", type(sys.stderr.buffer).__module__.partition(".")[0])
    """)
    assert lines == ["green", "native _io _io", "green weft"]
