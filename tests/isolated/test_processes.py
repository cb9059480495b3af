"""Patched programs that start others, fork and handle signals."""

import sys

PRELUDE = """
import os, signal, subprocess, sys, threading, time

def threads(count, run):
    made = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for each in made:
        each.start()
    return made
"""


def test_programs_started_by_threads_run_beside_each_other(patched) -> None:
    """Each meets the next through a FIFO, so all of them must be alive at one moment."""
    assert patched(
        PRELUDE
        + """
import tempfile
place = tempfile.mkdtemp()
for n in range(20):
    os.mkfifo(f"{place}/{n}")
results = []

def run(n):
    # Writes to the next one's, and then waits for the one before.
    words = f"echo {n} > {place}/{(n + 1) % 20} & cat {place}/{n}"
    done = subprocess.run(["sh", "-c", words], capture_output=True, text=True, timeout=60)
    results.append(int(done.stdout))

for each in threads(20, run):
    each.join()
print(sorted(results) == list(range(20)), threading.active_count())
"""
    ) == ["True 1"]


def test_a_program_started_by_one_that_was_started(patched) -> None:
    """gevent#857: a subprocess within a subprocess, both patched, off the main thread."""
    assert patched(
        PRELUDE
        + """
inner = '''
import weft.patch
weft.patch.all()
import subprocess, threading
def run():
    print(subprocess.check_output(["echo", "inner"], text=True), end="")
thread = threading.Thread(target=run)
thread.start()
thread.join()
'''

def run(n):
    print(subprocess.check_output([sys.executable, "-c", inner], text=True), end="")

for each in threads(2, run):
    each.join()
"""
    ) == ["inner", "inner"]


def test_ctrl_c_ends_the_wait_for_a_program(patched) -> None:
    """gevent#1815: while the main task is parked in Popen.wait."""
    assert patched(
        PRELUDE
        + """
program = subprocess.Popen(["sleep", "60"])
threads(1, lambda n: (time.sleep(0.01), os.kill(os.getpid(), signal.SIGINT)))
try:
    program.wait()
except KeyboardInterrupt:
    print("interrupted")
program.kill()
print(program.wait())
"""
    ) == ["interrupted", "-9"]


def test_a_handler_may_wait_for_a_program(patched) -> None:
    """gevent#1683: a handler runs where it can park."""
    assert patched(
        PRELUDE
        + """
done = threading.Event()

def handler(number, frame):
    print(subprocess.check_output(["echo", "from the handler"], text=True), end="")
    done.set()

signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.01)
done.wait()
"""
    ) == ["from the handler"]


def test_children_are_noticed_by_a_handler_and_left_to_it(patched) -> None:
    assert patched(
        PRELUDE
        + """
ended = []

def reap(number, frame):
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        ended.append(pid)

signal.signal(signal.SIGCHLD, reap)
pids = [os.spawnlp(os.P_NOWAIT, "true", "true") for _ in range(5)]
while len(ended) < 5:
    time.sleep(0.001)
print(sorted(ended) == sorted(pids))
"""
    ) == ["True"]


def test_a_thread_forks_and_goes_on_alone_in_the_child(patched) -> None:
    assert patched(
        PRELUDE
        + """
def other(n):
    try:
        time.sleep(60)
    finally:
        print("never in the child")

bystander = threading.Thread(target=other, args=(0,), daemon=True)
bystander.start()

def run(n):
    pid = os.fork()
    if pid == 0:
        print(subprocess.check_output(["echo", "child"], text=True), end="")
        sys.stdout.flush()
        os._exit(3)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

for each in threads(1, run):
    each.join()
"""
    ) == ["child", "3"]


def test_what_waits_for_a_child_or_a_signal_is_no_deadlock(patched) -> None:
    assert patched(
        PRELUDE
        + """
parent = os.getpid()
pid = os.fork()
if pid == 0:
    time.sleep(0.2)         # longer than it takes to suspect a deadlock
    os._exit(0)
print(os.wait() == (pid, 0))
if os.fork() == 0:
    time.sleep(0.2)
    os.kill(parent, signal.SIGUSR1)
    os._exit(0)
print(signal.sigwait([signal.SIGUSR1]).name)
print(os.wait()[1])
"""
    ) == ["True", "SIGUSR1", "0"]


def test_a_pseudo_terminal_is_copied_until_its_end(patched) -> None:
    assert patched(
        PRELUDE
        + """
import pty
out = []

def read(fd):
    data = os.read(fd, 1024)
    out.append(data)
    return data

source, sink = os.pipe()
os.dup2(source, 0)
kept = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
status = pty.spawn(["sh", "-c", "echo on a terminal; exit 4"], read)
os.dup2(kept, 1)
print(b"".join(out).strip().decode(), os.waitstatus_to_exitcode(status))
"""
    ) == ["on a terminal 4"]


def test_the_originals_are_to_be_had(patched) -> None:
    assert patched("""
import os, signal, subprocess, weft.patch
for name, attribute in (("os", "read"), ("signal", "signal"), ("subprocess", "Popen")):
    original = getattr(weft.patch.original(name), attribute)
    print(original is not getattr(__import__(name), attribute), weft.patch.is_patched(name))
assert os.open in os.supports_dir_fd
handler = lambda *_: None
signal.signal(signal.SIGUSR1, handler)
weft.patch.unpatch()
print(signal.getsignal(signal.SIGUSR1) is handler, type(os.read).__name__)
""") == ["True True"] * 3 + ["True builtin_function_or_method"]


def test_a_handler_set_before_the_patch_runs_in_a_task(patched) -> None:
    before = """
    import signal, threading
    ran = threading.Event
    def handler(number, frame):
        import time
        time.sleep(0.001)
        done.append(number)
    done = []
    signal.signal(signal.SIGUSR1, handler)
    """
    assert patched(
        """
import os, time
print(signal.getsignal(signal.SIGUSR1) is handler)
thread = threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGUSR1))
thread.start()
while not done:
    time.sleep(0.001)
print(done == [signal.SIGUSR1])
""",
        before=before,
    ) == ["True", "True"]


def test_a_patched_python_is_started_as_any_other(patched) -> None:
    words = [sys.executable, "-c", "import sys; print(sys.stdin.read())"]
    assert patched(
        PRELUDE
        + f"""
print(subprocess.run({words!r}, input="text", capture_output=True, text=True).stdout, end="")
"""
    ) == ["text"]


def test_a_program_that_closes_all_descriptors_goes_on(patched) -> None:
    """As one does that makes itself a daemon."""
    assert (
        patched(
            PRELUDE
            + """
def close_each():
    for fd in range(3, 256):
        try:
            os.close(fd)
        except OSError:
            pass

for close_all in (close_each, lambda: os.closerange(3, 256)):
    ran = []
    thread = threading.Thread(target=lambda: (time.sleep(0.001), ran.append(1)))
    thread.start()
    close_all()
    signal.signal(signal.SIGALRM, lambda *_: ran.append(2))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    signal.pause()
    thread.join()
    print(ran)
"""
        )
        == ["[1, 2]"] * 2
    )
