"""The stall watchdog: a task that holds its hub is named while it does.

No test sleeps until something is told: what stalls goes on until it has been.
"""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import weft.inspect

PRELUDE = """
import ctypes, logging, os, sys, threading, time
import weft, weft.inspect
from weft._core import _watch

told = []
reader, writer = os.pipe()

class Handler(logging.Handler):
    def emit(self, record):
        told.append(record.levelname + " " + record.getMessage())
        os.write(writer, b".")

logging.getLogger("weft").addHandler(Handler())
weft.inspect.watch_stalls(0.02)

def compute():
    while not told:
        pass

def block():
    os.read(reader, 1)

def wait_until_told(count):
    while len(told) < count:
        weft.sleep(0.001)
"""

Told = Callable[..., list[str]]


@pytest.fixture
def told(run_python, tmp_path: Path) -> Told:
    """Run ``source`` after ``PRELUDE``; the lines it printed. It writes nothing to stderr."""

    def run(source: str, *words: str) -> list[str]:
        (tmp_path / "app.py").write_text(PRELUDE + source)
        done = run_python("-X", "faulthandler", *words, "app.py", timeout=60)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        return done.stdout.splitlines()

    return run


def test_a_task_that_computes_is_named_with_its_place_and_what_to_do(told: Told) -> None:
    first, place, *rest = told("""
weft.spawn(compute).join()
wait_until_told(2)
print(told[0])
""")
    assert re.fullmatch(
        r"WARNING task 'compute-2' holds the hub of MainThread for \d+\.\d s, "
        "and no other task can run",
        first,
    )
    assert place in (
        "  at app.py:18 in compute: while not told:",
        "  at app.py:19 in compute: pass",
    )
    advice = " ".join(rest)
    assert "it computes" in advice
    assert all(word in advice for word in ("checkpoint()", "parallel()", "--preempt"))


def test_a_task_that_blocks_in_a_call_is_told_to_offload_it(told: Told) -> None:
    lines = told("""
weft.spawn(block).join()
wait_until_told(2)
print(told[0])
""")
    assert lines[1] == "  at app.py:22 in block: os.read(reader, 1)"
    assert lines[2].startswith("  it is blocked in a call")
    assert "weft.offload()" in lines[3]


def test_the_stack_is_shown_with_the_innermost_line_of_the_programs_marked(told: Told) -> None:
    lines = told("""
def outer():
    compute()

weft.spawn(outer).join()
wait_until_told(1)
print(told[0])
""")
    assert lines[-2:-1] == ["    app.py:29 in outer: compute()"]
    assert lines[-1].startswith("  > app.py:")


def test_it_is_told_once_and_its_end_with_its_length(told: Told) -> None:
    lines = told("""
def long():
    for _ in range(10):
        compute()
        end = time.monotonic() + 0.03
        while time.monotonic() < end:
            pass

weft.spawn(long).join()
wait_until_told(2)
print(len(told), told[1])
""")
    assert len(lines) == 1
    start = "2 WARNING task 'long-2' has let go of the hub of MainThread, which it held for 0."
    assert lines[0].startswith(start)


def test_an_idle_hub_does_not_stall(told: Told) -> None:
    assert told("""
task = weft.spawn(weft.sleep, 0.2)
weft.sleep(0.1)
task.join()
print(told)
""") == ["[]"]


def test_a_main_task_beside_which_there_is_no_other_keeps_nobody_waiting(told: Told) -> None:
    assert told("""
weft.checkpoint()
end = time.monotonic() + 0.1
while time.monotonic() < end:
    pass
print(told)
""") == ["[]"]


def test_a_main_task_beside_which_there_are_others_stalls(told: Told) -> None:
    lines = told("""
task = weft.spawn(weft.sleep, 0)
compute()
task.join()
print(told[0].splitlines()[0])
""")
    assert lines[0].startswith("WARNING task 'main' holds the hub of MainThread")


def test_the_hub_of_another_thread_is_watched_too(told: Told) -> None:
    lines = told("""
def run():
    weft.spawn(compute).join()

thread = threading.Thread(target=run, name="engine")
thread.start()
thread.join()
print(told[0].splitlines()[0])
""")
    assert lines[0].startswith("WARNING task 'compute-")
    assert " holds the hub of engine for " in lines[0]


def test_a_task_that_holds_loggings_lock_does_not_keep_it_from_being_told(told: Told) -> None:
    """The text goes to stderr then, from the OS thread itself."""
    lines = told("""
kept = os.dup(2)
os.dup2(writer, 2)

def hold():
    with logging.getLogger("weft").handlers[0].lock:
        return os.read(reader, 1000).decode()

text = weft.spawn(hold).result()
while len(told) < 1:
    weft.sleep(0.001)
os.dup2(kept, 2)
print(text.splitlines()[0])
print(told[0])
""")
    assert lines[0].startswith("weft: task 'hold-2' holds the hub of MainThread for 0.")
    assert lines[1].startswith("WARNING task 'hold-2' has let go")


def test_native_code_that_keeps_the_gil_is_told_of_at_once_and_named_when_it_returns(
    told: Told,
) -> None:
    lines = told("""
kept = os.dup(2)
os.dup2(writer, 2)
buffer = ctypes.create_string_buffer(200)

def keep():
    ctypes.PyDLL(None).read(reader, buffer, 200)

weft.spawn(keep).join()
os.dup2(kept, 2)
wait_until_told(1)
print(buffer.value.decode().strip())
print(told[0].splitlines()[0])
""")
    assert lines[0].startswith("weft: no task has run for ")
    assert "native code holds the GIL" in lines[0]
    assert "WARNING task 'keep-2' " in lines[1]


def test_a_forked_child_is_watched_and_so_is_its_parent(told: Told) -> None:
    """CPython warns of a fork beside other threads; weft's own is not there then."""
    lines = told(
        """
weft.checkpoint()
assert _watch.thread_count() == 1
pid = os.fork()
weft.spawn(compute).join()
os.write(1, (told[0].splitlines()[0] + "\\n").encode())
assert _watch.thread_count() >= 1
if pid == 0:
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
""",
        "-Werror",
    )
    assert len(lines) == 2
    assert all(line.startswith("WARNING task 'compute-2' holds the hub of Main") for line in lines)


def test_real_time_is_what_counts_under_a_virtual_clock(told: Told) -> None:
    assert told("""
import weft.testing
with weft.testing.virtual_time():
    weft.spawn(compute).join()
    weft.sleep(1000)
print(len(told) > 0)
""") == ["True"]


def test_a_deadlock_is_as_certain_as_without_it(told: Told) -> None:
    lines = told("""
try:
    weft.Event().wait()
except weft.Deadlock as error:
    print(str(error).splitlines()[0])
""")
    assert lines == ["the only task waits, and nothing is left that could wake one"]


def test_it_can_be_turned_off(told: Told) -> None:
    assert told("""
weft.checkpoint()
print(_watch.thread_count())
weft.inspect.watch_stalls(0)
print(_watch.thread_count(), len(os.listdir("/proc/self/task")))
""") == ["1", "0 1"]


def test_what_a_log_handler_raises_ends_nothing(run_python, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        PRELUDE
        + """
class Broken(logging.Filter):
    def filter(self, record):
        told.append("called")
        raise KeyError("broken")

logging.getLogger("weft").addFilter(Broken())
weft.spawn(compute).join()
wait_until_told(2)
while _watch.thread_count() > 1:
    weft.sleep(0.001)
print("alive")
"""
    )
    done = run_python("app.py")
    assert (done.returncode, done.stdout) == (0, "alive\n")
    assert "Exception ignored in thread started by" in done.stderr
    assert "KeyError: 'broken'" in done.stderr


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_a_wrong_number_of_seconds_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        weft.inspect.watch_stalls(seconds)


# -- the command line ------------------------------------------------------------------

SHOW = """
import sys
import weft
from weft._core import _watch
weft.checkpoint()
print(_watch.thread_count(), sys.argv[1:])
"""


@pytest.fixture
def run(run_python, tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    (tmp_path / "app.py").write_text(SHOW)
    return lambda *words: run_python("-m", "weft", "run", *words)


def test_weft_run_watches(run) -> None:
    assert run("app.py", "--stall", "0").stdout == "1 ['--stall', '0']\n"


@pytest.mark.parametrize("option", [["--stall", "0"], ["--stall=0"]])
@pytest.mark.parametrize("program", [["app.py"], ["-m", "app"], ["--", "app.py"]])
def test_weft_run_does_not_watch_when_told_so(run, option, program) -> None:
    assert run(*option, *program, "x").stdout == "0 ['x']\n"


def test_weft_run_takes_seconds_and_milliseconds(run) -> None:
    for text in ("2", "2s", "0.5", "10ms"):
        assert run("--stall", text, "app.py").stdout == "1 []\n"


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "1m"])
def test_weft_run_refuses_what_is_no_time(run, text) -> None:
    done = run(f"--stall={text}", "app.py")
    assert done.returncode == 2
    assert f"argument --stall: {text!r} is no time" in done.stderr


def test_weft_run_says_so_through_logging(run_python, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("""
import os, sys, threading
r, w = os.pipe()
kept = os.dup(2)
os.dup2(w, 2)

def block():
    import posix
    posix.read(r, 1000)

thread = threading.Thread(target=block)
thread.start()
thread.join()
os.write(1, b"told")
os.dup2(kept, 2)
""")
    done = run_python("-m", "weft", "run", "--stall", "20ms", "app.py")
    assert done.stdout == "told"
