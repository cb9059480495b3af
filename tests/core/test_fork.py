"""fork: in the child only the forking task goes on, as the main one; the parent sees nothing."""

import pytest

PRELUDE = """
import gc, os, sys, threading
import weft
from weft import lowlevel

def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\\n")
    sys.stdout.flush()

parent = os.getpid()

def stay(name):
    try:
        lowlevel.park("for ever")
    finally:
        # The parent cancels what is left as it ends; in a child this must not run.
        if os.getpid() != parent:
            say("finally of", name)

def status_of(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

others = [weft.spawn(stay, "a"), weft.spawn(weft.sleep, 0.01), weft.spawn(stay, "b")]
weft.checkpoint()
unborn = weft.spawn(say, "unborn")
"""


@pytest.fixture
def forking(program):
    """Run ``source`` after ``PRELUDE``; the lines it printed but for that of ``unborn``."""

    def run(source: str, **keywords) -> list[str]:
        # Threads beside a fork are what is tested; 3.12 and later warn of them.
        keywords["PYTHONWARNINGS"] = "ignore::DeprecationWarning"
        lines = program(PRELUDE + source, **keywords).splitlines()
        unborn = lines.count("unborn")
        assert unborn <= 1, "a child ran a task of its parent"
        return [line for line in lines if line != "unborn"]

    return run


@pytest.fixture(params=["epoll", "poll", "select"])
def poller(request, monkeypatch) -> None:
    monkeypatch.setenv("WEFT_POLLER", request.param)


def test_only_the_forking_task_goes_on(forking, poller) -> None:
    assert forking("""
pid = os.fork()
if pid == 0:
    assert lowlevel.tasks() == [weft.current()], lowlevel.tasks()
    assert [task.state for task in others] == ["abandoned"] * 3
    del others
    gc.collect()
    weft.sleep(0.02)
    say("child works", weft.spawn(int, "5").result())
else:
    say("status", status_of(pid))
    unborn.join()
    others[1].join()
    say([task.state for task in others])
""") == ["child works 5", "status 0", "['parked', 'done', 'parked']"]


def test_a_spawned_task_that_forks_is_the_main_task_of_the_child(forking, poller) -> None:
    assert forking("""
def fork():
    pid = os.fork()
    if pid == 0:
        me = weft.current()
        assert me.is_main and lowlevel.tasks() == [me]
        weft.sleep(0.001)
        say("child works", weft.spawn(int, "5").result())
        sys.exit(7)
    return pid

say("status", status_of(weft.spawn(fork).result()))
""") == ["child works 5", "status 7"]


@pytest.mark.parametrize(
    ("ending", "status", "complaint"),
    [
        ("return", 0, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit(0)", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit(256 + 5)", 5, ""),
        ("sys.exit('text')", 1, "text"),
        ("1 / 0", 1, "ZeroDivisionError"),
        ("os._exit(9)", 9, ""),
        ("os.abort()", -6, "Abort"),
        ("raise weft.Cancelled('stop')", 1, "Cancelled"),
    ],
)
def test_the_child_exits_with_the_status_of_its_task(forking, ending, status, complaint) -> None:
    assert forking(
        f"""
def fork():
    pid = os.fork()
    if pid == 0:
        {ending}
    return pid

say(status_of(weft.spawn(fork).result()))
""",
        complaint=complaint,
    ) == [str(status)]


def test_the_child_flushes_runs_atexit_and_waits_for_its_threads(forking) -> None:
    out = forking("""
import atexit

def late():
    threading.main_thread().join()
    say("thread")

def fork():
    pid = os.fork()
    if pid == 0:
        atexit.register(lambda: say("atexit", weft.spawn(int, "5").result()))
        threading.Thread(target=late).start()
        sys.stdout.write("unflushed ")
    return pid

say("status", status_of(weft.spawn(fork).result()))
""")
    assert out == ["unflushed thread", "atexit 5", "status 0"]


def test_the_parent_keeps_its_registrations(forking, poller) -> None:
    assert forking("""
reader, writer = os.pipe()
waiter = weft.spawn(lowlevel.wait_readable, reader)
weft.checkpoint()
pid = os.fork()
if pid == 0:
    lowlevel.closing(reader)
    os.close(reader)
    weft.sleep(0.001)
    os._exit(0)
say("status", status_of(pid))
weft.checkpoint()
say(waiter.state)
os.write(writer, b"x")
say(waiter.join(10))
""") == ["status 0", "parked", "True"]


def test_the_child_waits_on_inherited_descriptors_itself(forking, poller) -> None:
    assert forking("""
reader, writer = os.pipe()
waiter = weft.spawn(lowlevel.wait_readable, reader)
weft.checkpoint()
pid = os.fork()
if pid == 0:
    helper = weft.spawn(lowlevel.wait_readable, reader)
    weft.checkpoint()
    os.write(writer, b"x")
    helper.join()
    say("child read", os.read(reader, 1))
    os._exit(0)
say("status", status_of(pid))
waiter.cancel()
""") == ["child read b'x'", "status 0"]


def test_the_child_closes_what_it_inherits_of_the_hubs(forking, poller) -> None:
    assert forking("""
def files():
    return len(os.listdir("/proc/self/fd"))

def hub_of_a_thread():
    lowlevel.spawn_in(int).join()
    there.set()
    go.wait()

there, go = threading.Event(), threading.Event()
threading.Thread(target=hub_of_a_thread).start()
while not there.is_set():
    weft.sleep(0.001)
before = files()
pid = os.fork()
if pid == 0:
    say("fewer" if files() < before else "as many or more")
    os._exit(0)
say("status", status_of(pid))
go.set()
""")[-2:] == ["fewer", "status 0"]


def test_a_lock_of_an_abandoned_waiter_goes_to_the_childs_own_tasks(forking) -> None:
    """A list of waiters that the child inherits has none of the parent's in it."""
    assert forking("""
def first():
    others[0].join()

joiner = weft.spawn(first)
weft.checkpoint()
pid = os.fork()
if pid == 0:
    for wait in (others[0].join, others[0].result, joiner.join):
        try:
            wait()
        except weft.TaskError as error:
            say("stayed in the parent" in str(error), others[0].cancel(), lowlevel.unpark(joiner))
    os._exit(0)
say("status", status_of(pid))
""") == [*["True False False"] * 3, "status 0"]


def test_fork_in_a_thread_makes_its_task_the_main_one(forking, poller) -> None:
    assert forking("""
import signal

def run():
    def fork():
        pid = os.fork()
        if pid == 0:
            weft.sleep(0.001)
            signal.signal(signal.SIGUSR1, lambda *_: sys.exit(4))
            weft.spawn(os.kill, os.getpid(), signal.SIGUSR1)
            lowlevel.park("for ever")
        return pid
    say("status", status_of(weft.spawn(fork).result()))

thread = threading.Thread(target=run)
thread.start()
while thread.is_alive():
    weft.sleep(0.001)
""") == ["status 4"]


def test_fork_in_a_thread_without_a_hub(forking, poller) -> None:
    assert forking("""
def run():
    pid = os.fork()
    if pid == 0:
        say(weft.spawn(int, "5").result(), len(lowlevel.tasks()))
        os._exit(3)
    say("status", status_of(pid))

thread = threading.Thread(target=run)
thread.start()
while thread.is_alive():
    weft.sleep(0.001)
""") == ["5 1", "status 3"]


def test_a_child_can_fork_again(forking, poller) -> None:
    assert forking("""
def generation(left):
    pid = os.fork()
    if pid == 0:
        weft.sleep(0.001)
        sys.exit(weft.spawn(generation, left - 1).result() + 1 if left else 0)
    return status_of(pid)

say(weft.spawn(generation, 3).result())
""") == ["3"]


def test_the_child_has_a_signal_pipe_of_its_own(forking, poller) -> None:
    """On a shared one, either hub would take the bytes that are to wake the other."""
    assert forking("""
import signal

def pipe():
    writer = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    return os.fstat(writer).st_ino

got = []
signal.signal(signal.SIGUSR1, lambda *_: got.append(os.getpid()))
before = pipe()
pid = os.fork()
if pid == 0:
    os.kill(os.getpid(), signal.SIGUSR1)
    weft.sleep(0.001)
    os._exit(0 if got == [os.getpid()] and pipe() != before else 1)
say("status", status_of(pid))
say(pipe() == before, got)
""") == ["status 0", "True []"]


def test_a_failure_of_the_parents_is_not_logged_by_the_child(forking) -> None:
    out = forking(
        """
import logging
logging.basicConfig(format="%(process)d", stream=sys.stdout)
weft.spawn(int, "x").join()
pid = os.fork()
if pid == 0:
    weft.sleep(0.001)
    os._exit(0)
status_of(pid)
weft.sleep(0.001)
say("of", os.getpid())
""",
        complaint=None,
    )
    logged, pid = (line for line in out if line.isdigit()), out[-1].split()[1]
    assert list(logged) == [pid]


def test_multiprocessing_forks_from_a_task(forking) -> None:
    assert forking("""
import multiprocessing

def work(queue):
    weft.sleep(0.001)
    queue.put(weft.spawn(int, "5").result())

def run():
    fork = multiprocessing.get_context("fork")
    queue = fork.SimpleQueue()
    process = fork.Process(target=work, args=(queue,))
    process.start()
    got = queue.get()
    process.join()
    return got, process.exitcode

say(weft.spawn(run).result())
""") == ["(5, 0)"]


def test_many_forks_leave_no_file_open(forking) -> None:
    assert (
        forking("""
def files():
    return len(os.listdir("/proc/self/fd"))

before = files()
for n in range(30):
    pid = os.fork()
    if pid == 0:
        weft.sleep(1e-6)
        os._exit(0)
    assert status_of(pid) == 0
    weft.sleep(1e-6)
say(files() - before)
""")[-1]
        == "0"
    )


@pytest.mark.parametrize("make", ["weft.timeout", "weft.move_on_after"])
def test_the_child_keeps_the_deadlines_it_is_in_and_no_others(make, forking, poller) -> None:
    assert forking(f"""
def other():
    with weft.timeout(3600):
        lowlevel.park("for ever")

weft.spawn(other)
weft.checkpoint()
try:
    with weft.timeout(3600), {make}(0.01) as limit:
        pid = os.fork()
        if pid == 0:
            assert lowlevel.statistics()["timers"] == 2
            weft.sleep(3600)
        status_of(pid)
except TimeoutError:
    pass
if pid == 0:
    say(limit.expired, lowlevel.statistics()["timers"])
""") == ["True 0"]


def test_the_child_has_the_places_that_its_parents_tasks_had(forking) -> None:
    assert forking("""
pool = weft.Pool(1)
for _ in range(2):     # the second waits for the place of the first
    weft.spawn(lambda: pool.spawn(lowlevel.park, "for ever"))
    weft.checkpoint()
pid = os.fork()
if pid == 0:
    with weft.timeout(60):
        say(pool.spawn(abs, -1).result())
    os._exit(0)
status_of(pid)
""") == ["1"]
