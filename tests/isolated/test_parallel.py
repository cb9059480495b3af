"""weft.parallel in whole programs: what workers import, Ctrl-C, the end, fork, patched modules."""

import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import weft

SECONDS = 20

# Run one call after the other, so that there is one worker, and imports the program once.
PROGRAM = """
import sys, weft

class Sum(Exception):
    def __init__(self, *numbers):
        super().__init__(*numbers)
        self.total = sum(numbers)

def add(*numbers):
    return Sum(*numbers)

def fail(*numbers):
    raise Sum(*numbers)

def local():
    return lambda: None

print("imported as", __name__, flush=True)

if __name__ == "__main__":
    print(weft.parallel(add, 1, 2).total)
    try:
        weft.parallel(fail, 3, 4)
    except Sum as error:
        print(error.total, "in fail" in str(error.__cause__))
    try:
        weft.parallel(local)
    except Exception as error:
        print("what __main__.local returned" in str(error))
    print([total.total for total in weft.parallel_map(add, range(3), limit=1)], flush=True)
    print(weft.parallel(print, "printed there"), sys.argv[1:])
"""
EXPECTED = """\
imported as __main__
imported as __mp_main__
3
7 True
True
[0, 1, 2]
printed there
None ['word']
"""


@pytest.fixture
def run(run_python, tmp_path):
    """Write ``source`` to prog.py, run python with ``words``; return stdout, or all if it fails."""

    def run(source: str, *words: str, status: int = 0) -> str:
        (tmp_path / "prog.py").write_text(textwrap.dedent(source))
        done = run_python(*words, timeout=60)
        assert done.returncode == status, done.stdout + done.stderr
        assert status or done.stderr == ""
        return done.stdout + done.stderr

    return run


def until(condition) -> None:
    deadline = weft.now() + SECONDS
    while not condition():
        assert weft.now() < deadline
        weft.sleep(0.001)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False  # or gone between open and read


@pytest.mark.parametrize(
    "words",
    [
        ("prog.py", "word"),
        ("-m", "prog", "word"),
        ("-m", "weft", "run", "prog.py", "word"),
        ("-m", "weft", "run", "-m", "prog", "word"),
    ],
    ids=" ".join,
)
def test_functions_of_the_program_itself(run, words) -> None:
    """And its classes and exceptions, there and back."""
    assert run(PROGRAM, *words) == EXPECTED


@pytest.mark.parametrize("words", [(), ("-m", "weft", "run")], ids=["python", "weft run"])
def test_the_program_of_the_documentation(run, words) -> None:
    page = Path(__file__).parents[2] / "docs/offload.md"
    _, source, _ = re.split(r"```py\n|```\n(?=\nA call)", page.read_text())
    assert run(source, *words, "prog.py") == "118\n"


def test_a_program_that_patches_itself(run) -> None:
    """Its workers patch themselves as well when they import it."""
    patched = "import weft.patch\nweft.patch.all()\n" + PROGRAM
    assert run(patched, "prog.py", "word") == EXPECTED


def test_a_program_that_is_not_guarded(run) -> None:
    """It works as long as no worker needs it; otherwise it is told what to do."""
    source = """
    import weft
    def double(x):
        return 2 * x
    print(weft.parallel(abs, -1))
    print(weft.parallel(double, 1))
    """
    told = run(source, "prog.py", status=1)
    assert told.startswith("1\n")
    assert "UnpicklingError: a worker process cannot load the call: TaskError: " in told
    assert "put what the program does, but for its definitions, under if __name__ ==" in told


def test_a_function_that_no_worker_can_find(run) -> None:
    told = run("", "-c", "import weft\ndef f(): pass\nweft.parallel(f)", status=1)
    assert "'f' was defined in a session, by python -c or in a __main__.py, where no" in told


def test_calls_from_threads_of_a_patched_program(run) -> None:
    """Green ones and native ones, side by side with sockets."""
    source = """
    import math, socket, threading, weft, weft.patch

    def call(n):
        results.append(weft.parallel(math.isqrt, n * n))

    results = []
    native = weft.patch.original("threading")
    kinds = threading.Thread, native.Thread
    threads = [kind(target=call, args=(n,)) for n in range(5) for kind in kinds]
    for thread in threads:
        thread.start()
    ours, theirs = socket.socketpair()
    reader = weft.spawn(ours.recv, 10)
    for thread in threads:
        thread.join()
    theirs.send(b"sent")
    print(sorted(results), reader.result())
    """
    assert run(source, "-m", "weft", "run", "prog.py") == (
        "[0, 0, 1, 1, 2, 2, 3, 3, 4, 4] b'sent'\n"
    )


def test_a_program_that_collects_every_child(run) -> None:
    """The status is lost, but not the error."""
    source = """
    import os, signal, weft
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in range(2):
        try:
            weft.parallel(os._exit, 3)
        except weft.WorkerDied as error:
            print("died")
    print(weft.parallel(abs, -1))
    """
    assert run(source, "prog.py") == "died\ndied\n1\n"


def start(source: str, tmp_path: Path, *options: str) -> "subprocess.Popen[str]":
    (tmp_path / "prog.py").write_text(textwrap.dedent(source))
    command = [sys.executable, *options, str(tmp_path / "prog.py")]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True)


BUSY = """
import os, weft
from weft import _processes
from weft._core._process import Places

_processes.places = Places(2)
idle, busy = weft.parallel(os.getpid), weft.spawn(weft.parallel, sum, range(10**12))
weft.checkpoint()
print(*[worker.process.pid for worker in _processes.everyone], flush=True)
"""


def pids_of(process: "subprocess.Popen[str]") -> list[int]:
    assert process.stdout
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert pids
    assert all(is_running(pid) for pid in pids)
    return pids


@pytest.mark.parametrize("options", [(), ("-m", "weft", "run")], ids=["python", "weft run"])
def test_ctrl_c_is_the_programs_alone(tmp_path, options) -> None:
    """A terminal sends it to the whole process group; no worker is in that, or speaks of it."""
    process = start(BUSY + "busy.result()", tmp_path, *options)
    pids = pids_of(process)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == -signal.SIGINT
    assert said.count("Traceback") == 1, said
    until(lambda: not any(is_running(pid) for pid in pids))


def test_a_killed_program_leaves_no_worker(tmp_path) -> None:
    """Not even one that keeps the GIL, and never comes to look whether anybody is there."""
    process = start(BUSY + "busy.result()", tmp_path)
    pids = pids_of(process)
    process.kill()
    process.communicate(timeout=SECONDS)
    until(lambda: not any(is_running(pid) for pid in pids))


def test_workers_end_with_the_program(tmp_path) -> None:
    """An idle one runs what it has to run at exit; one in the middle of a call is killed."""
    source = BUSY + "import atexit\nweft.parallel(atexit.register, print, 'at exit')"
    process = start(source, tmp_path, "-X", "dev")
    pids = pids_of(process)
    assert process.communicate(timeout=SECONDS) == ("at exit\n", "")
    until(lambda: not any(is_running(pid) for pid in pids))


def test_a_forked_child_gets_workers_of_its_own(run) -> None:
    source = """
    import os, weft
    from weft import _processes
    before = weft.parallel(os.getpid)
    pid = os.fork()
    if pid == 0:
        assert not _processes.everyone and _processes.places.free == _processes.CPUS
        assert weft.parallel(os.getpid) != before
    else:
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        assert weft.parallel(os.getpid) == before
    """
    # Python warns of a fork among OS threads.
    assert run(source, "-W", "ignore::DeprecationWarning", "prog.py") == "0\n"
