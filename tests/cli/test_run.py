"""``weft run`` does what python does: compared with it, in processes of their own."""

import os
import py_compile
import signal
import sys
import zipfile
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

SHOW = """
import sys
names = {name: repr(value) for name, value in globals().items() if name != "__builtins__"}
names["__loader__"] = type(__loader__).__name__
names["__spec__"] = (__spec__.name, __spec__.origin) if __spec__ else None
for name in sorted(names):
    print(name, names[name])
print(type(__builtins__), sys.argv, sys.path, sys.modules["__main__"].__dict__ is globals())
"""

ENDINGS = {
    "nothing": "",
    "status": "import sys; sys.exit(3)",
    "true": "import sys; sys.exit(True)",
    "none": "import sys; sys.exit()",
    "text": "import sys; print('out'); sys.exit('text')",
    "object": "raise SystemExit((1, 'two'))",
    "raise": "def f():\n    1 / 0\n\nf()\n",
    "chained": "try:\n    {}['key']\nexcept KeyError as e:\n    raise ValueError('v') from e\n",
    "group": "raise ExceptionGroup('two', [ValueError(1), TypeError(2)])",
    "syntax": "print('never')\ndef f(:\n",
    "indentation": "if True:\nprint(1)\n",
    "import": "import no_such_module_anywhere",
    "interrupt": "raise KeyboardInterrupt",
    "signal": "import os, signal; os.kill(os.getpid(), signal.SIGINT)",
    "killed": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "atexit": "import atexit; atexit.register(print, 'last'); 1 / 0",
    "atexit_raises": "import atexit; atexit.register(int, 'x'); print('end')",
    "os_exit": "import os; os._exit(7)",
    "closed_stdout": "import sys; print('x'); sys.stdout.close()",
    "thread": "import threading; threading.Thread(target=print, args=('thread',)).start()",
    "hook": "import sys\nsys.excepthook = lambda *got: print('hook', *got[:2])\n1 / 0\n",
    "no_hook": "import sys\ndel sys.excepthook\n1 / 0\n",
    "hook_exits": "import sys\nsys.excepthook = lambda *got: sys.exit(9)\n1 / 0\n",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_script_ends_as_under_python(ending, agree, tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text(ENDINGS[ending])
    agree("prog.py")


@pytest.mark.parametrize("ending", ["nothing", "status", "text", "raise", "syntax", "signal"])
def test_a_module_ends_as_under_python(ending, agree, tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text(ENDINGS[ending])
    agree("-m", "prog")


def test_an_interrupt_is_death_by_signal(agree, tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text("raise KeyboardInterrupt")
    status, _, stderr = agree("prog.py")
    assert status == -signal.SIGINT
    assert stderr.startswith("Traceback")


def test_a_traceback_starts_in_the_program(run_python, tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text("1 / 0")
    shown = run_python("-m", "weft", "run", "-m", "prog").stderr.splitlines()
    assert shown[1] == f'  File "{tmp_path}/prog.py", line 1, in <module>'


REFUSED = """
import socket, urllib.request
free = socket.create_server(("127.0.0.1", 0))
port = free.getsockname()[1]
free.close()
try:
    urllib.request.urlopen(f"http://127.0.0.1:{port}/")
except OSError as error:
    group = ExceptionGroup("both", [error, ValueError(1)])
    raise group
"""


@pytest.mark.parametrize(("setting", "shows"), [({}, False), ({"WEFT_TRACEBACK": "full"}, True)])
def test_a_traceback_shows_weft_only_when_asked(setting, shows, run_python, tmp_path) -> None:
    (tmp_path / "prog.py").write_text(REFUSED)
    environment = {**os.environ, "no_proxy": "127.0.0.1", **setting}
    done = run_python("-m", "weft", "run", "prog.py", env=environment)
    assert done.returncode == 1
    assert "Connection refused" in done.stderr
    assert ("src/weft/socket.py" in done.stderr) == shows
    assert ("launch.py" in done.stderr) == shows


@pytest.mark.parametrize("path", ["prog.py", "./prog.py", "sub/../prog.py", "{tmp}/prog.py"])
def test_a_script_sees_what_python_shows_it(path, agree, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "prog.py").write_text(SHOW)
    status, _, _ = agree(path.format(tmp=tmp_path), "-m", "--help", "--", "x y", "-1", "")
    assert status == 0


def test_a_script_behind_a_symlink_finds_its_neighbours(agree, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "neighbour.py").write_text("print('found')")
    (tmp_path / "real" / "prog.py").write_text("import neighbour" + SHOW)
    (tmp_path / "link.py").symlink_to("real/prog.py")
    status, stdout, _ = agree("link.py")
    assert status == 0
    assert stdout.startswith("found")


def test_a_module_sees_what_python_shows_it(agree, tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text(SHOW)
    status, _, _ = agree("-m", "prog", "-m", "--help", "--", "x y")
    assert status == 0


def test_a_package_runs_its_main(agree, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text("import sys; print(__name__, sys.argv)")
    (tmp_path / "shop" / "__main__.py").write_text("from . import __name__ as name" + SHOW)
    status, _, _ = agree("-m", "shop", "argument")
    assert status == 0


@pytest.mark.parametrize("safe", ["", "1"])
def test_a_directory_runs_its_main(safe, agree, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "neighbour.py").write_text("print('found')")
    (tmp_path / "app" / "__main__.py").write_text("import neighbour" + SHOW)
    status, _, _ = agree("app", "argument", env={"PYTHONSAFEPATH": safe})
    assert status == 0


def test_a_zip_file_runs_its_main(agree, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "app.zip", "w") as archive:
        archive.writestr("neighbour.py", "def f():\n    raise ValueError('in a zip file')")
        archive.writestr("__main__.py", SHOW + "import neighbour; neighbour.f()")
    status, _, stderr = agree("app.zip", "argument")
    assert status == 1
    assert "in a zip file" in stderr


def test_a_compiled_file_runs(agree, tmp_path: Path) -> None:
    (tmp_path / "source.py").write_text(SHOW)
    py_compile.compile(str(tmp_path / "source.py"), str(tmp_path / "prog.pyc"))
    status, _, _ = agree("prog.pyc")
    assert status == 0


def test_a_safe_path_stays_safe(agree, tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("")
    (tmp_path / "prog.py").write_text("import neighbour")
    status, _, stderr = agree("prog.py", env={"PYTHONSAFEPATH": "1"})
    assert status == 1
    assert "No module named 'neighbour'" in stderr


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["nofile.py"], 2),
        (["no/such/directory/prog.py"], 2),
        (["a_file/prog.py"], 2),
        (["empty_directory"], 1),
        (["-m", "no_such_module"], 1),
        (["-m", "no_such.module"], 1),
        (["-m", "package_without_main"], 1),
        (["-m", "package_that_raises.x"], 1),
    ],
)
def test_what_cannot_be_run_is_reported_as_by_python(words, status, agree, tmp_path: Path) -> None:
    (tmp_path / "empty_directory").mkdir()
    (tmp_path / "a_file").touch()
    for package, source in (("package_without_main", ""), ("package_that_raises", "1 / 0")):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(source)
    assert agree(*words)[0] == status


def test_a_command_is_told_how_to_be_run(run_python, tmp_path: Path) -> None:
    """``weft run flask`` looks for a file of that name, as python would."""
    script = tmp_path / "bin" / "shop"
    script.parent.mkdir()
    script.write_text("#!/usr/bin/env python3\nprint('open')")
    script.chmod(0o755)
    environment = {**os.environ, "PATH": str(script.parent)}
    done = run_python("-m", "weft", "run", "shop", "--all", env=environment)
    advice = f"weft run: for the command shop write: weft run {script}\n"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("No such file or directory\n" + advice)
    assert run_python("-m", "weft", "run", str(script)).stdout == "open\n"


WAITS = """
import socket, threading, time
ends = socket.socketpair()
print("ready", flush=True)
{wait}
"""


@pytest.mark.parametrize(
    "wait", ["time.sleep(100)", "ends[0].recv(1)", "threading.Event().wait()", "while True: pass"]
)
def test_ctrl_c_ends_a_program_wherever_it_waits(wait, tmp_path: Path) -> None:
    """gevent#1815: a SIGINT went to whichever greenlet ran, or to none."""
    (tmp_path / "prog.py").write_text(WAITS.format(wait=wait))
    command = [sys.executable, "-m", "weft", "run", "prog.py"]
    with Popen(command, cwd=tmp_path, stdout=PIPE, stderr=PIPE, text=True) as program:
        assert program.stdout.readline() == "ready\n"
        program.send_signal(signal.SIGINT)
        _, stderr = program.communicate(timeout=60)
    assert program.returncode == -signal.SIGINT
    assert f'File "{tmp_path}/prog.py", line ' in stderr
    assert stderr.endswith("KeyboardInterrupt\n")


MAIN_IS_REAL = """
import dataclasses, pickle, multiprocessing, typing

@dataclasses.dataclass
class Point:
    x: "typing.ClassVar[int]" = 1
    y: int = 2

def show(point):
    print(point, flush=True)

if __name__ == "__main__":
    print(pickle.loads(pickle.dumps(Point(5))), dataclasses.fields(Point)[0].name)
    for method in ("spawn", "fork", "forkserver"):
        process = multiprocessing.get_context(method).Process(target=show, args=[Point(8)])
        process.start()
        process.join()
        print(method, process.exitcode)
"""


def test_main_is_found_by_pickle_dataclasses_and_multiprocessing(agree, tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text(MAIN_IS_REAL)
    status, stdout, _ = agree("prog.py")
    assert status == 0
    assert stdout.count("Point(y=8)") == 3


def test_stdin_and_the_environment_reach_the_program(agree, tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text("import os; print(input(), os.environ['COLOUR'])")
    assert agree("prog.py", input="line\n", env={"COLOUR": "red"})[1] == "line red\n"


def test_the_stdlib_is_patched_before_the_program_runs(run_python, tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text("import socket; print(socket.socket.__module__)")
    done = run_python("-m", "weft", "run", "prog.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "weft.socket\n", "")


def test_little_is_imported_before_patching(run_python, tmp_path: Path) -> None:
    """What is imported earlier may hold unpatched names: boto3#4061, dd-trace-py#1192."""
    (tmp_path / "prog.py").touch()
    program = """
import argparse, sys, weft.patch
before = set(sys.modules)
weft.patch.all = lambda: print(*sorted(set(sys.modules) - before))
import weft.cli
"""
    done = run_python("-I", "-c", program + "weft.cli.main(['run', 'prog.py'])")
    assert done.stderr == ""
    added = set(done.stdout.split())
    ours = {"weft.cli", "weft.cli._parser", "weft.cli.run"}
    assert added - ours <= {"errno", "locale", "_locale"}
