"""Standard streams of a patched program: who reads a line or writes to a slow pipe stops nobody."""

import os
import pty
import signal
import subprocess
import sys
import termios
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

PATCH = "import sys\nsys.modules.pop('readline', None)\nimport weft.patch\nweft.patch.all()\n"
# One task waits for a line, as said by ``{read}``; the other tells that it goes on meanwhile.
READER = """
import code, getpass, pdb, sys, threading, time

def other():
    for _ in range(10):
        time.sleep(0)
    sys.stderr.write("other ran\\n")

thread = threading.Thread(target=other)
thread.start()
answer = {read}
thread.join()
print("got", repr(answer))
"""

# Whether they are buffered is for the tests to say.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}

Start = Callable[..., "Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a patched program on pipes, or on the descriptors given."""
    started: list[Popen[str]] = []

    def run(source: str, *options: str, **keywords) -> "Popen[str]":
        (tmp_path / "prog.py").write_text(PATCH + textwrap.dedent(source))
        defaults = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE, "env": ENVIRONMENT}
        command = [sys.executable, *options, "prog.py"]
        started.append(Popen(command, cwd=tmp_path, text=True, **defaults | keywords))
        return started[-1]

    yield run
    for program in started:
        program.kill()
        with program:
            pass


@pytest.mark.parametrize(
    ("read", "answer"),
    [
        ("sys.stdin.readline()", "'line\\n'"),
        ("input()", "'line'"),
        ("input('? ')", "'line'"),
        ("next(sys.stdin)", "'line\\n'"),
        ("sys.stdin.read(3)", "'lin'"),
        ("sys.stdin.buffer.readline()", "b'line\\n'"),
        ("sys.stdin.buffer.raw.read(100)", "b'line\\n'"),
        ("sys.__stdin__.readline()", "'line\\n'"),
        ("getpass.getpass(stream=sys.stdout)", "'line'"),
    ],
)
def test_others_run_while_a_task_reads_a_pipe(read, answer, start: Start) -> None:
    # In a session of its own it has no terminal that getpass could open.
    program = start(
        "import warnings\nwarnings.simplefilter('ignore')\n" + READER.format(read=read),
        start_new_session=True,
    )
    assert "other ran" in program.stderr.readline()
    stdout, stderr = program.communicate("line\n", timeout=60)
    assert stdout.endswith(f"got {answer}\n"), stderr
    assert program.returncode == 0


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """The two ends of a terminal: ours, and the program's, which shows no control characters."""
    ours, theirs = pty.openpty()
    modes = termios.tcgetattr(theirs)
    modes[3] &= ~termios.ECHO
    termios.tcsetattr(theirs, termios.TCSANOW, modes)
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def read_until(fd: int, wanted: bytes) -> bytes:
    """What comes out of the terminal, up to ``wanted``; the program's end is an error."""
    seen = b""
    while wanted not in seen:
        seen += os.read(fd, 1000)
    return seen


@pytest.mark.parametrize(
    ("read", "answer"),
    [
        ("input('? ')", b"'line'"),
        ("(__import__('readline'), input('? '))[1]", b"'line'"),
        ("getpass.getpass('? ', sys.stdout)", b"'line'"),
        ("sys.stdin.readline()", b"'line\\n'"),
    ],
    ids=["input", "readline", "getpass", "stdin"],
)
def test_others_run_while_a_task_reads_a_terminal(
    read, answer, terminal: tuple[int, int], start: Start
) -> None:
    ours, theirs = terminal
    program = start(READER.format(read=read), stdin=theirs, stdout=theirs, start_new_session=True)
    assert program.stderr.readline().endswith("other ran\n")
    os.write(ours, b"line\n")
    assert b"got " + answer in read_until(ours, b"got " + answer)
    assert program.wait(60) == 0


@pytest.mark.parametrize("first", ["", "import readline\n"], ids=["input", "readline"])
def test_ctrl_c_ends_a_question_and_leaves_the_terminal_as_it_was(
    first, terminal: tuple[int, int], start: Start
) -> None:
    ours, theirs = terminal
    before = termios.tcgetattr(theirs)
    program = start(first + READER.format(read="input('? ')"), stdin=theirs, stdout=theirs)
    assert program.stderr.readline().endswith("other ran\n")
    if first:
        read_until(ours, b"? ")
    program.send_signal(signal.SIGINT)
    assert program.communicate(timeout=60)[1].endswith("KeyboardInterrupt\n")
    assert program.returncode == -signal.SIGINT
    assert termios.tcgetattr(theirs) == before


def test_tasks_that_ask_at_once_get_a_line_each(terminal: tuple[int, int], start: Start) -> None:
    ours, theirs = terminal
    program = start(
        """
        import threading
        lines = []
        def ask():
            lines.append(input("? "))
        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print("got", lines)
        """,
        stdin=theirs,
        stdout=theirs,
    )
    os.write(ours, b"one\ntwo\nthree\n")
    assert b"got ['one', 'two', 'three']" in read_until(ours, b"three']")
    assert program.communicate(timeout=60)[1] == "? ? ? "


def test_an_interrupted_question_can_be_asked_again(
    terminal: tuple[int, int], start: Start
) -> None:
    """The readline library goes on reading in its thread: the line is the next question's."""
    ours, theirs = terminal
    program = start(
        """
        import readline, weft
        asking = weft.spawn(input, "first? ")
        while not (asking.wait_kind and any(t.wait_kind == "thread" for t in weft.tasks())):
            weft.sleep(0)
        asking.cancel()
        asking.join()
        print("interrupted", flush=True)
        print("got", input("second? "))
        """,
        stdin=theirs,
        stdout=theirs,
    )
    read_until(ours, b"interrupted")
    os.write(ours, b"line\n")
    read_until(ours, b"got line")
    assert program.communicate(timeout=60) == (None, "second? ")
    assert program.returncode == 0


def test_a_debugger_in_one_task_leaves_the_others_running(start: Start) -> None:
    program = start("""
        import sys, threading, time

        def other():
            for _ in range(10):
                time.sleep(0)
            sys.stderr.write("other ran\\n")

        def work(value):
            breakpoint()
            return value

        thread = threading.Thread(target=other)
        thread.start()
        work(6 * 7)
        thread.join()
    """)
    assert program.stderr.readline() == "other ran\n"
    stdout, stderr = program.communicate("p value\nwhere\nc\n", timeout=60)
    assert "(Pdb) 42\n" in stdout
    assert "-> work(6 * 7)" in stdout
    assert (program.returncode, stderr) == (0, "")


@pytest.mark.parametrize("options", [(), ("-u",)], ids=["buffered", "unbuffered"])
def test_others_run_while_a_task_writes_to_a_full_pipe(options, start: Start) -> None:
    program = start(
        """
        import sys, threading, time
        text = "".join(f"{number}\\n" for number in range(100_000))
        thread = threading.Thread(target=sys.stdout.write, args=(text,))
        thread.start()
        for _ in range(10):
            time.sleep(0.001)
        sys.stderr.write(f"{thread.is_alive()}\\n")
        """,
        *options,
    )
    assert program.stderr.readline() == "True\n"
    stdout, stderr = program.communicate(timeout=60)
    assert stdout.splitlines() == [str(number) for number in range(100_000)]
    assert (program.returncode, stderr) == (0, "")


def test_a_destructor_prints_during_a_garbage_collection(start: Start) -> None:
    program = start("""
        import gc
        class Loud:
            def __del__(self):
                print("x" * 200_000)
        loud = Loud()
        loud.me = loud
        del loud
        gc.collect()
        print("end")
    """)
    stdout, stderr = program.communicate(timeout=60)
    assert (stdout, stderr) == ("x" * 200_000 + "\nend\n", "")


def test_nothing_is_lost_or_written_twice_at_the_end(start: Start) -> None:
    program = start("""
        import atexit, os, sys, threading
        atexit.register(print, "at exit")
        print("before the fork")
        sys.stdout.flush()
        print("once", end=" ")
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            print("child")
            sys.exit(0)
        os.waitpid(pid, 0)
        threading.Thread(target=print, args=("thread",)).start()
        print("unflushed", end="")
    """)
    stdout, stderr = program.communicate(timeout=60)
    assert stdout == "before the fork\nonce child\nat exit\nthread\nunflushedat exit\n"
    assert (program.returncode, stderr) == (0, "")


LOOK = """
import sys
files = [sys.stdin, sys.stdout, sys.stderr]
def look():
    return [
        [file is now, file.fileno(), file.encoding, file.errors, file.name, file.mode]
        + [file.isatty(), file.line_buffering, file.write_through, file.closed, repr(file)]
        + [file.newlines, file.readable(), file.writable(), file.buffer.name]
        + [[kind.__name__ for kind in type(file.buffer).__mro__ if kind.__module__ == "_io"]]
        for file, now in zip(files, [sys.stdin, sys.stdout, sys.stderr])
    ]
before = look()
import weft.patch
weft.patch.all()
print(before == look(), *[type(file.buffer).__module__ for file in files])
"""


@pytest.mark.parametrize("options", [(), ("-u",), ("-X", "utf8")])
def test_the_streams_stay_what_they_are(options) -> None:
    done = subprocess.run(
        [sys.executable, *options, "-c", LOOK],
        input="",
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    green = (
        ["weft._buffers"] * 3 if "-u" not in options else ["weft._buffers"] + ["weft._stdio"] * 2
    )
    assert (done.stdout.split(), done.stderr) == (["True", *green], "")


def test_what_was_read_ahead_is_kept(tmp_path: Path) -> None:
    source = """
import sys
first = sys.stdin.readline()
byte = sys.stdin.buffer.peek()
import weft.patch
weft.patch.all()
print(repr(first), repr(sys.stdin.readline()), repr(sys.stdin.read()))
"""
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", source],
        env=ENVIRONMENT,
        input="one\nzwölf\n\nthree".encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == b""
    assert done.stdout.decode() == "'one\\n' 'zwölf\\n' '\\nthree'\n"


def test_files_and_replaced_streams_are_left_alone(tmp_path: Path) -> None:
    source = """
import contextlib, io, sys
sys.stdin = io.StringIO("line")
native = type(sys.stdout.buffer)
sys.stderr = io.StringIO()
import weft.patch
weft.patch.all()
seen = io.StringIO()
with contextlib.redirect_stdout(seen):
    print(input())
print(type(sys.stdout.buffer) is native, repr(seen.getvalue()))
"""
    with (tmp_path / "out").open("w") as out:
        subprocess.run([sys.executable, "-c", source], stdout=out, check=True, timeout=60)
    assert (tmp_path / "out").read_text() == "True 'line\\n'\n"
