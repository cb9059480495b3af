"""Preemption: tasks that never wait take turns, and are never interrupted where it would hurt.

Whether a task was interrupted is told by a counter that another task counts up for ever. What
must not be interrupted goes on until an attempt was refused, so nothing hangs on the clock.
"""

import os

import pytest

PRELUDE = """
import functools, gc, importlib, json, operator, os, re, signal, sys
import weft
from weft._core._preempt import preempt, statistics

ticks = 0
finished = False

def tick():
    global ticks
    while not finished:
        ticks += 1

def spin(*_):
    '''Until preemption was refused three times; whether nobody else has run meanwhile.'''
    before = ticks
    refused = statistics()["refused"] + 3
    while ticks == before and statistics()["refused"] < refused:
        pass
    return ticks == before

preempt(0.001)
ticker = weft.spawn(tick)
weft.checkpoint()
"""

# Each assigns to ``alone`` whether nobody ran during a call of ``spin``.
SHELTERED = {
    "sort_key": "alone = []; sorted([1], key=lambda x: alone.append(spin())); alone = alone[0]",
    "map": "alone = list(map(spin, [1]))[0]",
    "filter": "alone = bool(list(filter(spin, [1])))",
    "reduce": "alone = functools.reduce(lambda a, b: spin(), [1, 2])",
    "partial": "alone = functools.partial(spin)()",
    "re_sub": "alone = re.sub('a', lambda m: str(spin()), 'a') == 'True'",
    "json": "alone = json.loads('[1]', object_hook=spin, parse_int=lambda t: spin())[0]",
    "sum_of_generator": "alone = sum(spin() for _ in range(1)) == 1",
    "getattr": """
class Lazy:
    def __getattr__(self, name):
        return spin()
alone = Lazy().name
""",
    "operator": """
class Number:
    def __add__(self, other):
        return spin()
alone = Number() + 1
""",
    "comparison": """
class Key:
    def __eq__(self, other):
        return spin()
    __hash__ = lambda self: 1
alone = {Key(): 1}.get(Key()) == 1
""",
    "del": """
alone = []
class Dying:
    def __del__(self):
        alone.append(spin())
Dying()
alone = alone[0]
""",
    "garbage_collection": """
alone = []
class Dying:
    def __del__(self):
        alone.append(spin())
it = Dying()
it.itself = it
del it
gc.collect()
alone = alone[0]
""",
    "gc_callback": """
alone = []
callback = lambda phase, info: alone.append(spin())
gc.callbacks.append(callback)
gc.collect()
gc.callbacks.remove(callback)
alone = all(alone)
""",
    "import": """
open("slow_module.py", "w").write("import __main__; alone = __main__.spin()")
import slow_module
alone = slow_module.alone
""",
    "import_module": """
open("slow_module.py", "w").write("import __main__; alone = __main__.spin()")
alone = importlib.import_module("slow_module").alone
""",
    "importlib_itself": """
names = {"__name__": "importlib._bootstrap", "statistics": statistics}
exec(SPIN, names)
alone = names["spin"]()
""",
    "wefts_own_code": """
names = {"__name__": "weft.anything", "statistics": statistics}
exec(SPIN, names)
alone = names["spin"]()
""",
    "called_by_wefts_own_code": """
names = {"__name__": "weft.anything", "spin": spin}
exec("def call(): return spin()", names)
alone = names["call"]()
""",
    "trace_function": """
alone = []
def trace(frame, event, arg):
    sys.settrace(None)
    alone.append(spin())
def traced(): pass
sys.settrace(trace)
traced()
alone = alone[0]
""",
    "signal_handler": """
alone = []
signal.signal(signal.SIGUSR1, lambda *_: alone.append(spin()))
signal.raise_signal(signal.SIGUSR1)
alone = alone[0]
""",
    "raw_greenlet": """
import greenlet
alone = greenlet.greenlet(spin).switch()
""",
    "exec": """
exec("alone = spin()")
""",
}

# ``spin`` for other modules: nobody there counts, so it is enough that it is not taken.
SPIN = """
def spin():
    before = statistics()
    while statistics()["refused"] < before["refused"] + 3:
        if statistics()["taken"] != before["taken"]:
            return False
    return True
"""


@pytest.fixture
def run(run_python):
    """Run ``source`` after ``PRELUDE`` and return the lines it printed."""

    def run(source: str) -> list[str]:
        program = f"SPIN = {SPIN!r}\n{PRELUDE}{source}\nfinished = True\n"
        done = run_python("-X", "faulthandler", "-c", program, timeout=20)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        return done.stdout.splitlines()

    return run


def test_pure_loops_take_turns(run) -> None:
    assert run("""
order = []

def loop(name):
    while order.count(name) < 5:
        if order[-1:] != [name]:
            order.append(name)

tasks = [weft.spawn(loop, name) for name in "ab"]
weft.joinall(tasks)
print("".join(order)[:8])
""") == ["abababab"]


def test_calls_generators_methods_and_handlers_are_python_code_like_loops(run) -> None:
    """Where the interpreter runs them in the loop of their caller, as it does with all of these."""
    assert run("""
def deep(n):
    return 1 if n == 0 else deep(n - 1)

class Thing:
    def method(self):
        return deep(30)

def busy():
    before = ticks
    while ticks < before + 5:
        try:
            Thing().method()
            [n for n in range(50)]
            1 / 0
        except ZeroDivisionError:
            deep(30)
    return "done"

print(weft.spawn(busy).result())
""") == ["done"]


def test_timers_and_other_tasks_go_on_beside_a_loop(run) -> None:
    assert run("""
for _ in range(5):
    weft.sleep(0.001)
print(statistics()["taken"] > 0)
""") == ["True"]


@pytest.mark.parametrize("where", SHELTERED)
def test_nobody_is_interrupted_in(where, run) -> None:
    if where == "called_by_wefts_own_code":
        # From a task of the program's: its first frame must be the program's.
        source = "def body():\n    global alone\n" + "".join(
            f"    {line}\n" for line in SHELTERED[where].splitlines()
        )
        assert run(source + "body()\nprint(alone)") == ["True"]
        return
    assert run(SHELTERED[where] + "\nprint(alone)") == ["True"]


def test_a_cancellation_waits_for_a_checkpoint(run) -> None:
    assert run("""
def loop():
    before = ticks
    cancelled = False
    try:
        while ticks < before + 5:
            pass
        cancelled = "after the loop"
        weft.checkpoint()
    except weft.Cancelled:
        return cancelled

task = weft.spawn(loop)
weft.checkpoint()
task.cancel()
print(task.result())
""") == ["after the loop"]


def test_a_system_call_that_waits_is_not_interrupted(run) -> None:
    assert run("""
import ctypes, threading
libc = ctypes.CDLL(None)
reader, writer = os.pipe()
threading.Timer(0.02, os.write, (writer, b"x")).start()
buffer = ctypes.create_string_buffer(1)
print(libc.read(reader, buffer, 1))
""") == ["1"]


def test_handlers_of_other_signals_run_all_the_same(run) -> None:
    assert run("""
hits = []
signal.signal(signal.SIGALRM, lambda *_: hits.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
while len(hits) < 5:
    pass
signal.setitimer(signal.ITIMER_REAL, 0)
print("handled")
""") == ["handled"]


def test_ctrl_c_ends_a_program_that_only_computes(run) -> None:
    assert run("""
try:
    signal.raise_signal(signal.SIGINT)
    while True:
        pass
except KeyboardInterrupt:
    print("interrupted")
""") == ["interrupted"]


def test_a_forked_child_goes_on(run) -> None:
    assert run("""
def loop():
    weft.spawn(weft.sleep, 60)
    before = statistics()["taken"]
    while statistics()["taken"] < before + 3:
        pass

pid = os.fork()
if pid == 0:
    loop()
    os._exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
""") == ["3"]


def test_it_can_be_turned_off(run) -> None:
    assert run("""
preempt(0)
before = statistics()
for _ in range(1_000_000):
    pass
print(statistics() == before)
""") == ["True"]


def test_a_handler_of_the_programs_is_left_alone(run) -> None:
    assert run("""
preempt(0)
signal.signal(signal.SIGURG, print)
try:
    preempt(0.01)
except RuntimeError as error:
    print(error)
""") == ["preemption needs SIGURG, for which there is a handler already"]


HAMMER = """
import random, collections

def leaf(rng, depth):
    total = 0
    # Now and then several slices.
    for n in range(rng.randrange(200) if rng.random() < 0.8 else 60_000):
        total = (total * 31 + n) % 1000003
    return total

def by_call(rng, depth):
    return grow(rng, depth) + 1

def by_map(rng, depth):
    return sum(map(lambda _: grow(rng, depth), range(2)))

def by_sort(rng, depth):
    return sum(sorted(range(3), key=lambda _: grow(rng, depth)))

def by_generator(rng, depth):
    def generate():
        for _ in range(2):
            yield grow(rng, depth)
    return sum([n for n in generate()])

def by_error(rng, depth):
    try:
        raise ValueError(grow(rng, depth))
    except ValueError as error:
        return error.args[0] + grow(rng, depth)
    finally:
        leaf(rng, depth)

class Node:
    def __init__(self, rng, depth):
        self.value = grow(rng, depth)
        self.me = self                   # for the collector

    def __eq__(self, other):
        return self.value == other

    def __del__(self):
        for n in range(50):
            pass

def by_object(rng, depth):
    node = Node(rng, depth)
    return node.value + (node == 5)

def by_collection(rng, depth):
    gc.collect(0)
    return grow(rng, depth)

def by_star(rng, depth):
    return grow(*(rng,), **{"depth": depth})

def by_checkpoint(rng, depth):
    weft.checkpoint()
    return grow(rng, depth)

WAYS = [by_call, by_map, by_sort, by_generator, by_error, by_object, by_collection, by_star,
        by_checkpoint]

def grow(rng, depth):
    if depth == 0 or rng.random() < 0.2:
        return leaf(rng, depth)
    return (rng.choice(WAYS)(rng, depth - 1) * 7 + 1) % 1000003

def work(seed):
    rng = random.Random(seed)
    return leaf(rng, 0) + leaf(rng, 0) + grow(rng, 8)

ROUNDS = int(os.environ.get("WEFT_HAMMER", "1"))
preempt(0)
finished = True
seeds = range(40 * ROUNDS)
alone = [work(seed) for seed in seeds]
preempt(0.001)
before = statistics()
while statistics()["taken"] - before["taken"] < 20 * ROUNDS:
    tasks = [weft.spawn(work, seed) for seed in seeds]
    assert [task.result() for task in tasks] == alone
print(statistics()["refused"] > before["refused"])
"""


def test_programs_of_random_shape_compute_the_same_as_without(run) -> None:
    """``WEFT_HAMMER=50`` does it fifty times as long."""
    assert run(HAMMER) == ["True"]
    assert os.environ.get("WEFT_HAMMER", "1").isdigit()


def test_a_deadlock_is_as_certain_as_without_it(run) -> None:
    assert run("""
finished = True
ticker.join()
try:
    weft.Event().wait()
except weft.Deadlock:
    print("told")
""") == ["told"]
