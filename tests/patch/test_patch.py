"""weft.patch: what is replaced, what is remembered, what others took before."""

import json
import subprocess
import sys
import textwrap

import pytest

from weft import patch
from weft.patch import _registry


@pytest.fixture
def run(run_python):
    """Run a program and return the JSON it printed last."""

    def program(source: str):
        done = run_python("-c", textwrap.dedent(source), timeout=60)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        return json.loads(done.stdout)

    return program


def test_nothing_is_patched_by_importing_weft(run) -> None:
    assert run("""
        import json, time, threading, queue, _thread
        before = [time.sleep, threading.Lock, threading.local, queue.SimpleQueue, _thread.get_ident]
        import weft, weft.patch, weft.threading, weft.queue, weft.time, weft.patch._threading
        after = [time.sleep, threading.Lock, threading.local, queue.SimpleQueue, _thread.get_ident]
        print(json.dumps([before == after, weft.patch.is_patched("threading")]))
    """) == [True, False]


def test_all_patches_what_is_not_excepted(run) -> None:
    assert run("""
        import json, weft.patch
        weft.patch.all(queue=False, ssl=False)
        names = ["time", "threading", "queue", "select", "selectors", "socket", "ssl", "json"]
        print(json.dumps({name: weft.patch.is_patched(name) for name in names}))
    """) == {
        "time": True,
        "threading": True,
        "queue": False,
        "select": True,
        "selectors": True,
        "socket": True,
        "ssl": False,
        "json": False,
    }


@pytest.mark.parametrize("name", patch.MODULES)
def test_a_single_module_is_patched_by_its_function(run, name) -> None:
    assert run(f"""
        import json, weft.patch
        weft.patch.{name}()
        print(json.dumps([name for name in weft.patch.MODULES if weft.patch.is_patched(name)]))
    """) == [name]


def test_an_unknown_module_is_refused() -> None:
    with pytest.raises(TypeError):
        patch.all(nonsense=True)
    with pytest.raises(ModuleNotFoundError):
        patch.original("no_such_module")


def test_patching_twice_changes_nothing(run) -> None:
    assert run("""
        import json, sys, weft.patch
        weft.patch.all()
        names = ("time", "threading", "_thread", "queue", "select", "selectors", "socket")
        first = {(n, k): v for n in names for k, v in vars(sys.modules[n]).items()}
        native = weft.patch.original("time").sleep
        weft.patch.all()
        weft.patch.threading()
        second = {(n, k): v for n in names for k, v in vars(sys.modules[n]).items()}
        print(json.dumps([[k for k in first if first[k] is not second[k]],
                          weft.patch.original("time").sleep is native]))
    """) == [[], True]


def test_originals_are_the_same_before_and_after(run) -> None:
    assert run("""
        import json, time, _thread, socket, weft.patch
        # In a list, or they would be taken for imported names.
        kept = [time.sleep, _thread.allocate_lock, socket.socket]
        early = weft.patch.original("time")
        weft.patch.all()
        print(json.dumps([
            early is weft.patch.original("time") and early.sleep is kept[0],
            weft.patch.original("_thread").allocate_lock is kept[1],
            weft.patch.original("socket").socket is kept[2],
            weft.patch.original("socket").create_connection.__globals__["socket"] is kept[2],
            weft.patch.original("json").dumps("x"),
        ]))
    """) == [True, True, True, True, '"x"']


def test_original_selectors_stand_on_the_original_select(run) -> None:
    assert run("""
        import json, select, selectors, weft.patch
        kept = [select.epoll]
        weft.patch.all()
        native = weft.patch.original("selectors").EpollSelector()
        green = selectors.EpollSelector()
        print(json.dumps([type(native._selector) is kept[0], type(green._selector) is kept[0]]))
    """) == [True, False]


TAKEN = """
import time
from _thread import allocate_lock as make_lock
from threading import Lock, current_thread, get_ident, local
from time import sleep as nap
from queue import SimpleQueue, Queue

class Keeper:
    pause = nap
    queue_class = SimpleQueue
    def method(self, wait=nap):
        return wait

def function(a, wait=nap, *, make=Lock):
    return wait, make

HANDLERS = {"kept": nap}
"""


def test_what_modules_took_before_is_repaired(run, tmp_path) -> None:
    (tmp_path / "early.py").write_text(TAKEN)
    found = run("""
        import json, sys
        sys.path.insert(0, ".")
        import early
        import weft.patch
        weft.patch.all()
        import _thread, queue, threading, time
        print(json.dumps({
            "function": early.nap is time.sleep,
            "from _thread": early.make_lock is _thread.allocate_lock,
            "class or function": early.Lock is threading.Lock,
            "get_ident": early.get_ident is threading.get_ident,
            "local": early.local is threading.local,
            "class": early.SimpleQueue is queue.SimpleQueue,
            "attribute": early.Keeper.pause is time.sleep and early.Keeper().pause is time.sleep,
            "class attribute": early.Keeper.queue_class is queue.SimpleQueue,
            "default": early.function(1) == (time.sleep, threading.Lock),
            "default of a method": early.Keeper().method() is time.sleep,
            "same as ever": early.Queue is queue.Queue
                            and early.current_thread is threading.current_thread,
        }))
    """)
    assert [name for name, repaired in found.items() if not repaired] == []


def test_weft_keeps_what_it_took(run) -> None:
    assert (
        run("""
        import json, sys
        import weft._offload, weft.threading, weft.queue, weft.socket, weft.ssl, weft.select
        before = {name: dict(vars(module)) for name, module in sys.modules.items()
                  if name.startswith("weft.") and not name.startswith("weft.patch")}
        import weft.patch
        weft.patch.all()
        print(json.dumps([f"{name}.{key}" for name in before for key in before[name]
                          if vars(sys.modules[name])[key] is not before[name][key]]))
    """)
        == []
    )


def test_a_module_that_loads_lazily_is_not_loaded(run, tmp_path) -> None:
    (tmp_path / "lazy.py").write_text("from time import sleep\nprint('loaded')\n")
    assert run("""
        import json, sys, importlib.util
        sys.path.insert(0, ".")
        spec = importlib.util.find_spec("lazy")
        spec.loader = importlib.util.LazyLoader(spec.loader)
        module = importlib.util.module_from_spec(spec)
        sys.modules["lazy"] = module
        spec.loader.exec_module(module)
        import weft.patch
        weft.patch.all()
        print(json.dumps(True))
    """)


LOCKS = """
import logging, queue, threading
lock, rlock = threading.Lock(), threading.RLock()
held = threading.Lock()
held.acquire()
condition, on_lock = threading.Condition(), threading.Condition(lock)
event, semaphore, items = threading.Event(), threading.Semaphore(), queue.Queue()
values = threading.local()
values.x = 1
same_values = values

class Values(threading.local):
    pass

class Registry:
    mutex = threading.Lock()
    loud = threading.Event()

handler = logging.StreamHandler()
"""


def test_locks_made_before_are_replaced(run, tmp_path) -> None:
    (tmp_path / "early.py").write_text(LOCKS)
    found = run("""
        import json, sys
        sys.path.insert(0, ".")
        import early
        import concurrent.futures.thread, logging
        import weft.patch
        weft.patch.all()
        import threading
        Lock, RLock = type(threading.Lock()), type(threading.RLock())
        print(json.dumps({
            "lock": type(early.lock) is Lock,
            "rlock": type(early.rlock) is RLock,
            "held": type(early.held) is not Lock,
            "local": type(early.values) is threading.local and early.values.x == 1,
            "one local twice": early.same_values is early.values,
            "told": weft.patch.unrepaired() == [
                "early.Values (early.py:12): its instances are one for all tasks of a thread",
                "early.held (early.py:4): a lock that is held",
            ],
            "condition": type(early.condition._lock) is RLock,
            "its methods": early.condition.acquire.__self__ is early.condition._lock,
            "one lock twice": early.on_lock._lock is early.lock,
            "event": type(early.event._cond._lock) is Lock,
            "semaphore": type(early.semaphore._cond._lock) is Lock,
            "queue": type(early.items.mutex) is Lock
                     and early.items.not_empty._lock is early.items.mutex,
            "class": type(early.Registry.mutex) is Lock,
            "object of a class": type(early.Registry.loud._cond._lock) is Lock,
            "logging": type(logging._lock) is RLock and type(early.handler.lock) is RLock,
            "futures": type(concurrent.futures.thread._global_shutdown_lock) is Lock,
            "threading": type(threading._active_limbo_lock) is RLock,
        }))
    """)
    assert [name for name, replaced in found.items() if not replaced] == []


OBJECTS = """
import functools, queue, selectors, socket, threading
from concurrent.futures import ThreadPoolExecutor
from time import sleep

class Session:
    def __init__(self):
        self.lock, self.values = threading.Lock(), threading.local()
        self.condition = threading.Condition(self.lock)
        self.stripes = [threading.RLock() for _ in range(2)]
        self.by_name = {"first": self.stripes[0]}
        self.take = self.lock.acquire
        inner = threading.Lock()
        self.inner = lambda: inner

class Slotted:
    __slots__ = ("lock",)

class Pipe(socket.socket):
    def __init__(self, *args):
        super().__init__(*args)
        self.opened = True

class Small(socket.socket):
    __slots__ = ("extra",)

session, slotted, executor = Session(), Slotted(), ThreadPoolExecutor(1)
slotted.lock = session.lock
jobs = queue.SimpleQueue()
jobs.put(1)
pair = (threading.Lock(),)
ours, theirs = socket.socketpair()
selector = selectors.DefaultSelector()
selector.register(ours, selectors.EVENT_READ)
pause, steps = functools.partial(sleep, 1), {"nap": sleep}
"""


def test_objects_made_before_are_replaced_or_named(run, tmp_path) -> None:
    (tmp_path / "early.py").write_text(OBJECTS)
    found = run("""
        import json, sys
        sys.path.insert(0, ".")
        import early
        import weft.patch, weft.socket
        early.session.values.x = 5
        weft.patch.all()
        import queue, socket, threading
        Lock, RLock = type(threading.Lock()), type(threading.RLock())
        session = early.session
        wanted = {
            "attribute": type(session.lock) is Lock,
            "slot": early.slotted.lock is session.lock,
            "local": type(session.values) is threading.local and session.values.x == 5,
            "condition": session.condition._lock is session.lock,
            "list": type(session.stripes[0]) is type(session.stripes[1]) is RLock,
            "dictionary": session.by_name["first"] is session.stripes[0],
            "kept method": session.take.__self__ is session.lock,
            "cell": type(session.inner()) is Lock,
            "queue": type(early.jobs) is queue.SimpleQueue and early.jobs.get() == 1,
            "executor": early.executor.submit(threading.get_native_id).result()
                        == threading.get_native_id(),
            "heir": isinstance(early.Pipe(), weft.socket.socket) and early.Pipe().opened,
            "heir's class": isinstance(early.Pipe(), early.Pipe),
            "told": weft.patch.unrepaired(),
        }
        print(json.dumps(wanted))
    """)
    told = found.pop("told")
    assert [name for name, replaced in found.items() if not replaced] == []
    stops = "stops his whole thread"
    assert sorted(told) == [
        f"early.Small (early.py:24): who waits for one of its sockets {stops}",
        f"early.ours (early.py:32): a socket made before: who waits for it {stops}",
        "early.pair[0] (early.py:31): a lock that a running function, a thread or a tuple"
        " has as well",
        "early.pause.func (early.py:35): sleep as it was before the patch",
        f"early.selector (early.py:33): a selector made before: who waits with it {stops}",
        "early.steps['nap'] (early.py:35): sleep as it was before the patch",
        f"early.theirs (early.py:32): a socket made before: who waits for it {stops}",
    ]


def test_nothing_is_left_when_the_patch_comes_first(run) -> None:
    assert (
        run("""
        import weft.patch
        weft.patch.all()
        import json
        print(json.dumps(weft.patch.unrepaired()))
    """)
        == []
    )


def test_odd_objects_in_modules_are_left_alone(run, tmp_path) -> None:
    (tmp_path / "odd.py").write_text("""
class Meta(type):
    def __eq__(self, other):
        raise RuntimeError("compared")

class Unhashable(metaclass=Meta):
    pass

class Proxy:
    @property
    def __class__(self):
        raise RuntimeError("asked for its class")
    @property
    def __dict__(self):
        raise RuntimeError("asked for its attributes")

class Lazy(dict):
    def get(self, *words):
        raise RuntimeError("asked for a key")
    __getitem__ = items = values = get

import sys, threading, types

class Liar:
    __class__ = types.ModuleType
    __name__ = "liar"

sys.modules["liar"] = Liar()
unhashable, proxy, lazy = Unhashable(), Proxy(), Lazy(lock=threading.Lock())
""")
    assert (
        run("""
        import json, sys
        sys.path.insert(0, ".")
        import odd
        import weft.patch
        weft.patch.all()
        print(json.dumps(weft.patch.unrepaired()))
    """)
        == []
    )


def test_threads_started_before_are_named(run) -> None:
    assert run("""
        import json, threading
        stop = threading.Event()
        thread = threading.Thread(target=stop.wait, name="early bird")
        thread.start()
        import weft.patch
        weft.patch.all()
        stop.set()
        thread.join()
        print(json.dumps([weft.patch.unrepaired(), thread.is_alive()]))
    """) == [
        [
            "thread 'early bird': who joins it stops his whole thread",
            "__main__.stop._cond._lock: "
            "a lock that a running function, a thread or a tuple has as well",
        ],
        False,
    ]


def test_the_record_takes_only_what_a_module_has() -> None:
    before = dict(_registry.originals)
    _registry.replace(json, "no_such_name", 1)
    assert not hasattr(json, "no_such_name") and _registry.originals == before
    assert "json" not in _registry.applied and not patch.is_patched("json")
    assert subprocess.__name__ in sys.modules


def test_a_module_that_is_imported_anew_is_patched_again(run) -> None:
    """test_queue does so, to have the classes of ``_queue`` and of ``queue`` side by side."""
    assert run("""
        import importlib, json, sys, weft.patch
        weft.patch.all()
        import time, _queue
        kept = time.sleep, _queue.SimpleQueue, _queue.Empty
        del sys.modules["_queue"]
        import _queue
        importlib.reload(time)
        again = time.sleep, _queue.SimpleQueue, _queue.Empty
        weft.patch.unpatch()
        importlib.reload(time)
        loaders = time.__spec__.loader is time.__loader__, type(_queue.__loader__).__name__
        print(json.dumps([kept == again, time.sleep is kept[0], *loaders]))
    """) == [True, False, True, "ExtensionFileLoader"]


def test_a_replaced_function_goes_to_other_processes_by_its_name(run) -> None:
    """A worker that was sent signal.raise_signal never got it."""
    assert run("""
        import json, os, pickle, select, signal, socket, subprocess, time
        import weft.patch
        weft.patch.all()
        green = [
            value
            for module in (os, select, signal, socket, subprocess, time)
            for value in vars(module).values()
            if callable(value) and str(getattr(value, "__module__", "")).startswith("weft.")
        ]
        same = [pickle.loads(pickle.dumps(value)) is value for value in green]
        print(json.dumps([all(same), len(same) > 20]))
    """) == [True, True]
