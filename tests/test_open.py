"""weft.open: the built-in's files, of which every call that may block is made in a thread."""

import builtins
import gc
import io
import os
import pty
import warnings
from pathlib import Path

import pytest

import weft
from weft import _open


@pytest.fixture
def hops(monkeypatch) -> list[str]:
    """The names of the calls made in threads, in their order."""
    made: list[str] = []

    def run(function, *args, **kwargs):
        made.append(function.__name__)
        return original(function, *args, **kwargs)

    original = _open.run
    monkeypatch.setattr(_open, "run", run)
    return made


MODES = ["r", "rb", "r+", "r+b", "w", "wb", "w+", "w+b", "a", "ab", "a+", "a+b", "x", "xb", "rt"]


def use(opener, path: Path, mode: str) -> list[object]:
    """What one file says when everything is done with it that its mode allows."""
    said: list[object] = []
    binary = "b" in mode
    with opener(path, mode) as file:
        said += [file.mode, file.name, file.readable(), file.writable(), file.seekable()]
        said += [isinstance(file, io.IOBase), file.isatty(), file.tell()]
        if file.writable():
            said.append(file.write(b"one\ntwo\n" if binary else "one\ntwo\n"))
            said.append(file.writelines([b"three\n"] if binary else ["three\n"]))
            file.flush()
            said.append(path.read_bytes())
            said.append(file.seek(2))
            said.append(file.truncate())
        if file.readable():
            said.append(file.seek(0))
            said.append(file.readline())
            said.append(file.tell())
            said.append(list(file))
            file.seek(0)
            said += [file.read(2), file.read(), file.read(1)]
    said.append(file.closed)
    said.append(path.read_bytes())
    return said


@pytest.mark.parametrize("mode", MODES)
def test_a_file_does_what_the_built_ins_does(mode, tmp_path: Path) -> None:
    results = []
    for opener in (builtins.open, weft.open):
        path = tmp_path / "file"
        path.unlink(missing_ok=True)
        if "x" not in mode:
            path.write_text("äöü\nsecond\n", encoding="utf-8")
        results.append(use(opener, path, mode))
    assert results[1] == results[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("no file",),
        ("no directory/file", "w"),
        (".", "r"),
        ("x", "rr"),
        ("x", "z"),
        ("x", "rb", 0, "utf-8"),
        ("x", "r", 0),
        (3.5,),
        ("x", "r", -1, "no such encoding"),
        (1 << 20,),
    ],
)
def test_what_the_built_in_refuses_is_refused(arguments, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x").touch()
    with pytest.raises((OSError, ValueError, TypeError, LookupError)) as expected:
        builtins.open(*arguments)  # noqa: SIM115
    with pytest.raises(type(expected.value)) as seen:
        weft.open(*arguments)
    if isinstance(expected.value, OSError):
        assert str(seen.value) == str(expected.value)


def test_lines_share_a_hop(hops, tmp_path: Path) -> None:
    with weft.open(tmp_path / "file", "w") as file:
        for number in range(1000):
            file.write(f"{number}\n")
    assert hops == ["__init__", "write", "close"]
    hops.clear()
    with weft.open(tmp_path / "file") as file:
        assert [int(line) for line in file] == list(range(1000))
    assert hops == ["__init__", "readinto", "readinto", "close"]


def test_unbuffered_calls_hop_each(hops, tmp_path: Path) -> None:
    with weft.open(tmp_path / "file", "w+b", 0) as file:
        file.write(b"abc")
        file.seek(0)
        assert (file.read(2), file.read()) == (b"ab", b"c")
        file.truncate(0)
    assert hops == ["__init__", "write", "read", "read", "truncate", "close"]


def test_others_go_on_while_it_opens_and_a_pipe_is_waited_for_without_a_thread(
    hops, tmp_path: Path
) -> None:
    """Opening a named pipe blocks until somebody opens its other end."""
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def read() -> str:
        with weft.open(path) as file:
            return file.readline()

    reader = weft.spawn(read)
    weft.checkpoint()
    assert reader.wait_kind == "thread"
    with weft.open(path, "w") as file:
        while reader.wait_kind != "read":
            weft.checkpoint()
        file.write("line\n")
    assert reader.result() == "line\n"
    assert hops == ["__init__", "__init__"]


def test_a_call_that_has_begun_is_finished_when_its_task_is_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    seen = []

    def read() -> None:
        with weft.open(path) as file:
            seen.append(file)
            file.read()

    reader = weft.spawn(read)
    weft.checkpoint()
    reader.cancel()
    with weft.open(path, "w"), pytest.raises(weft.Cancelled):
        reader.result()
    assert seen[0].closed


def test_tasks_take_turns_in_a_file(tmp_path: Path) -> None:
    with weft.open(tmp_path / "file", "w+b", 64) as file:

        def write(letter: bytes) -> None:
            for _ in range(50):
                file.write(letter * 20 + b"\n")

        weft.joinall([weft.spawn(write, letter) for letter in (b"a", b"b", b"c")])
        file.seek(0)
        lines = file.readlines()
    assert sorted(lines) == sorted(
        letter * 20 + b"\n" for letter in (b"a", b"b", b"c") for _ in range(50)
    )


@pytest.mark.parametrize("mode", ["w", "wb"])
def test_a_dropped_file_is_flushed_without_parking(mode, hops, tmp_path: Path) -> None:
    ran = []
    file = weft.open(tmp_path / "file", mode)
    file.write(b"kept" if mode == "wb" else "kept")
    hops.clear()
    weft.spawn(ran.append, 1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del file
        gc.collect()
    assert (tmp_path / "file").read_bytes() == b"kept"
    assert (ran, hops) == ([], [])
    assert [each.category for each in caught] == [ResourceWarning]
    weft.checkpoint()


def test_the_opener_is_called_by_the_task(tmp_path: Path) -> None:
    seen = []

    def opener(path: str, flags: int) -> int:
        seen.append((weft.current(), flags & os.O_CREAT))
        return os.open(path, flags)

    with weft.open(tmp_path / "file", "w", opener=opener) as file:
        file.write("x")
    assert seen == [(weft.current(), os.O_CREAT)]


def test_a_descriptor_is_taken_and_left_open(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    with weft.open(fd, "w", closefd=False) as file:
        file.write("x")
    os.lseek(fd, 0, os.SEEK_SET)
    with weft.open(fd) as file:
        assert file.read() == "x"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_a_terminal_is_line_buffered() -> None:
    ours, theirs = pty.openpty()
    with weft.open(theirs, "w") as file:
        file.write("line\n")
        assert file.line_buffering
        assert os.read(ours, 100) == b"line\r\n"
    os.close(ours)
