"""Signal handlers: where they run, that they may wait, that no signal is slept through."""

import pytest

PRELUDE = """
import os, signal, sys, threading
import weft
from weft import lowlevel

def hit(number=signal.SIGUSR1):
    os.kill(os.getpid(), number)

def soon():
    signal.setitimer(signal.ITIMER_REAL, 0.001)

def wake_main(*_):
    # The kernel may be fast and main not parked yet: then once more.
    if not lowlevel.unpark(main, "handled"):
        soon()

main = weft.current()
"""


@pytest.fixture(params=["epoll", "poll", "select"])
def signalled(request, program):
    """Run ``source`` after ``PRELUDE`` on each poller; the lines it printed."""

    def run(source: str, **keywords) -> list[str]:
        return program(PRELUDE + source, WEFT_POLLER=request.param, **keywords).splitlines()

    return run


def test_a_signal_wakes_a_sleeping_hub(signalled) -> None:
    assert signalled("""
signal.signal(signal.SIGALRM, wake_main)
soon()
print(lowlevel.park("signal"))
""") == ["handled"]


def test_a_handler_runs_on_the_main_task_while_that_runs(signalled) -> None:
    assert signalled("""
signal.signal(signal.SIGUSR1, lambda *_: print(weft.current().name))
weft.spawn(weft.sleep, 0.001)
weft.checkpoint()
hit()
""") == ["main"]


def test_a_handler_runs_in_a_task_of_its_own_while_main_waits(signalled) -> None:
    assert signalled("""
def handler(*_):
    me = weft.current()
    if me is main:
        return soon()
    print(me.name)
    weft.sleep(0.001)
    print("waited")
    wake_main()

signal.signal(signal.SIGALRM, handler)
soon()
lowlevel.park("signal")
""") == ["weft-signals", "waited"]


def test_a_handler_on_the_main_task_may_wait(signalled) -> None:
    assert signalled("""
def handler(*_):
    weft.sleep(0.001)
    print("handled")

signal.signal(signal.SIGUSR1, handler)
hit()
print("after")
""") == ["handled", "after"]


def test_what_a_handler_raises_comes_out_where_main_waits(signalled) -> None:
    assert signalled("""
def handler(*_):
    raise TimeoutError("alarm")

signal.signal(signal.SIGALRM, handler)
others = [weft.spawn(weft.sleep, 0.01) for _ in range(3)]
signal.setitimer(signal.ITIMER_REAL, 0.001)
try:
    weft.sleep(60)
except TimeoutError as error:
    print(error)
weft.joinall(others)
print([task.exception for task in others])
""") == ["alarm", "[None, None, None]"]


def test_system_exit_in_a_handler_ends_the_program(signalled) -> None:
    assert signalled(
        """
try:
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(3))
    weft.spawn(weft.sleep, 60)
    soon()
    weft.sleep(60)
finally:
    print("main leaves")
""",
        status=3,
    ) == ["main leaves"]


def test_an_ignored_signal_disturbs_nothing(signalled) -> None:
    assert signalled("""
signal.signal(signal.SIGALRM, signal.SIG_IGN)
soon()
weft.sleep(0.005)
print("slept")
""") == ["slept"]


def test_children_that_end_are_noticed_in_a_handler(signalled) -> None:
    assert signalled("""
reaped = []

def reap(*_):
    try:
        while pid := os.waitpid(-1, os.WNOHANG)[0]:
            reaped.append(pid)
    except ChildProcessError:
        pass                      # all that were started are reaped

signal.signal(signal.SIGCHLD, reap)
pids = [os.spawnlp(os.P_NOWAIT, "true", "true") for n in range(10)]
while len(reaped) < 10:
    weft.sleep(0.001)
print(sorted(reaped) == sorted(pids))
""") == ["True"]


def test_signals_in_any_moment_are_not_slept_through(signalled) -> None:
    """A child answers each byte by a signal, which comes as the hub goes to sleep or before."""
    assert (
        signalled("""
asked, asker = os.pipe()
handled, handler = os.pipe()
parent = os.getpid()
pid = os.fork()
if pid == 0:
    os.close(asker)
    while os.read(asked, 1):
        os.kill(parent, signal.SIGUSR1)
    os._exit(0)

signal.signal(signal.SIGUSR1, lambda *_: os.write(handler, b"x"))
for n in range(3000):
    os.write(asker, b"x")
    lowlevel.wait_readable(handled, deadline=weft.now() + 60)
    assert os.read(handled, 10) == b"x"
os.close(asker)
os.waitpid(pid, 0)
""")
        == []
    )


def test_a_storm_of_signals_is_weathered(signalled) -> None:
    assert signalled("""
count = 0
def handler(*_):
    global count
    count += 1

signal.signal(signal.SIGUSR1, handler)
def storm():
    for _ in range(20_000):
        hit()

thread = threading.Thread(target=storm)
thread.start()
ticks = 0
while thread.is_alive():
    weft.sleep(1e-5)
    ticks += 1
assert count > 0 and ticks > 0
print("over")
""") == ["over"]


def test_a_wakeup_descriptor_of_the_program_is_left_alone(signalled) -> None:
    assert signalled("""
import socket
mine, theirs = socket.socketpair()
for end in (mine, theirs):
    end.setblocking(False)
signal.set_wakeup_fd(theirs.fileno())
signal.signal(signal.SIGALRM, wake_main)
weft.checkpoint()
# More than once: what comes as the hub goes to sleep is not seen without its own pipe.
signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
print(lowlevel.park("signal"))
signal.setitimer(signal.ITIMER_REAL, 0)
print(set(mine.recv(10)) == {signal.SIGALRM})
print(signal.set_wakeup_fd(-1) == theirs.fileno())
""") == ["handled", "True", "True"]


def test_handlers_run_in_the_main_thread_also_when_only_another_has_a_hub(program) -> None:
    assert program("""
        import os, signal, threading, weft
        signal.signal(signal.SIGUSR1, lambda *_: print(threading.current_thread().name))
        thread = threading.Thread(target=weft.sleep, args=(0.01,))
        thread.start()
        os.kill(os.getpid(), signal.SIGUSR1)
        thread.join()
        print("slept")
    """).splitlines() == ["MainThread", "slept"]
