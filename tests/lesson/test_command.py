"""``weft lesson``: what it lists and shows, and the line it says when something is missing."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from running import family, interrupt, wait_until

from weft.cli import _chapters, _servers, lesson

ROOT = Path(__file__).resolve().parents[2]
NEEDY = '''"""A chapter that needs things
需要别的东西的一章

Run: weft run examples/lesson/99_needy.py
{lines}
"""
{code}
'''


@pytest.fixture
def weft_lesson(run_python):
    """Run ``weft lesson words...``: status, stdout, stderr."""

    def run(*words: str, **keywords) -> tuple[int, str, str]:
        done = run_python("-m", "weft", "lesson", *words, **keywords)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def run_needy(tmp_path, run_python):
    """Run a chapter made up of ``lines`` of its docstring and ``code``, found as if installed."""

    def run(lines: str, code: str = "", root: Path = ROOT, **variables: str):
        (tmp_path / "99_needy.py").write_text(NEEDY.format(lines=lines, code=code))
        program = (
            "import pathlib, sys\n"
            "from weft.cli import _chapters, lesson\n"
            f"_chapters.PLACE = pathlib.Path({str(tmp_path)!r})\n"
            f"_chapters.ROOT = pathlib.Path({str(root)!r})\n"
            "sys.exit(lesson.main(['99', *sys.argv[1:]]))"
        )
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("WEFT_")
        }
        done = run_python("-c", program, env={**environment, **variables})
        return done.returncode, done.stdout, done.stderr

    return run


# -- listing and showing -------------------------------------------------------------------


def test_it_lists_every_chapter_with_a_line_in_both_languages(weft_lesson) -> None:
    status, stdout, stderr = weft_lesson()
    assert (status, stderr) == (0, "")
    lines = stdout.splitlines()
    assert len(lines) == len(_chapters.chapters())
    assert lines[0].startswith("01 ")
    for line, chapter in zip(lines, _chapters.chapters(), strict=True):
        assert line.startswith(chapter.number)
        assert chapter.title[0] in line
        assert line.endswith(chapter.title[1])


@pytest.mark.parametrize("word", ["3", "03", "03_tasks", "03_tasks.py"])
def test_source_prints_the_chapter(weft_lesson, word) -> None:
    source = (ROOT / "examples/lesson/03_tasks.py").read_text()
    assert weft_lesson(word, "--source") == (0, source, "")


def test_on_a_terminal_the_source_has_colours(tmp_path) -> None:
    import pty

    main, terminal = pty.openpty()
    words = [sys.executable, "-m", "weft", "lesson", "03", "--source"]
    with subprocess.Popen(words, stdin=terminal, stdout=terminal, stderr=-1) as program:
        os.close(terminal)
        shown = b""
        try:
            while data := os.read(main, 65536):
                shown += data
        except OSError:
            pass  # Linux says so when nobody has the other end open
        assert program.stderr.read() == b""
    os.close(main)
    assert b"\x1b[" in shown


# -- wrong use -----------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["0", "77", "nonsense", "../03_tasks"])
def test_a_wrong_chapter_is_named(weft_lesson, word) -> None:
    status, stdout, stderr = weft_lesson(word)
    assert (status, stdout) == (2, "")
    assert f"there is no chapter {word!r}; `weft lesson` lists them" in stderr


def test_a_port_in_use_is_named(weft_lesson) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, stdout, stderr = weft_lesson("06", "serve", port)
    assert (status, stdout) == (1, "")
    assert len(stderr.splitlines()) == 1
    assert "Address already in use" in stderr
    assert port in stderr


@pytest.mark.parametrize("way", ["serve", "client"])
def test_a_port_that_is_no_number_is_wrong_usage(weft_lesson, way) -> None:
    assert weft_lesson("06", way, "x") == (
        1,
        "",
        "usage: weft lesson 06 [serve PORT | client PORT]\n",
    )


def test_a_port_that_is_too_high_is_named(weft_lesson) -> None:
    status, stdout, stderr = weft_lesson("06", "serve", "99999")
    assert (status, stdout) == (1, "")
    assert stderr.startswith("weft lesson: there is no port 99999 (")
    assert len(stderr.splitlines()) == 1


def test_a_client_without_its_server_says_so(weft_lesson) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = str(gone.getsockname()[1])
    assert weft_lesson("06", "client", port) == (
        1,
        "",
        "weft lesson: nobody listens there (Connection refused): start the server first\n",
    )


# -- what a chapter needs ------------------------------------------------------------------


def test_the_variables_are_those_of_the_services() -> None:
    words = "from services import SERVICES; print({n: s.variable for n, s in SERVICES.items()})"
    done = subprocess.run(
        [sys.executable, "-c", words],
        cwd=ROOT / "tools",
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )
    assert eval(done.stdout) == _servers.VARIABLES


def test_every_chapter_needs_only_what_there_is() -> None:
    for chapter in _chapters.chapters():
        assert set(chapter.needs) <= set(_servers.VARIABLES), chapter.path.name
        assert all(chapter.text), f"{chapter.path.name}: describe it in both languages"


def test_a_missing_package_is_named(run_needy) -> None:
    assert run_needy("Packages: no-such-package") == (
        1,
        "",
        "weft lesson: chapter 99 needs no-such-package: pip install no-such-package\n",
    )


def test_without_a_checkout_a_server_must_be_named(run_needy, tmp_path) -> None:
    status, _, stderr = run_needy("Needs: redis", root=tmp_path)
    assert status == 1
    assert stderr == (
        "weft lesson: chapter 99 needs a server, redis: set WEFT_REDIS_URL to the URL of one, or "
        "run it in a checkout of weft, which starts one\n"
    )


def test_a_server_that_is_named_but_gone_is_said_to_be(run_needy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        place = f"127.0.0.1:{gone.getsockname()[1]}"
    status, _, stderr = run_needy("Needs: redis", WEFT_REDIS_URL=f"redis://{place}/0")
    assert status == 1
    assert stderr.startswith(f"weft lesson: WEFT_REDIS_URL names a server at {place}, where nobody")


def test_a_variable_that_is_no_url_is_shown(run_needy) -> None:
    assert run_needy("Needs: redis", WEFT_REDIS_URL="nonsense") == (
        1,
        "",
        "weft lesson: WEFT_REDIS_URL is 'nonsense', which is no URL: set it to that of a server\n",
    )


def test_a_server_that_is_named_is_used_as_it_is(run_needy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        code = "import os; print(os.environ['WEFT_REDIS_URL'])"
        assert run_needy("Needs: redis", code, WEFT_REDIS_URL=url) == (0, f"{url}\n", "")


def test_a_server_that_cannot_be_started_says_what_to_install(run_needy, tmp_path) -> None:
    starter = tmp_path / "tools" / "services"
    starter.mkdir(parents=True)
    (starter / "__main__.py").write_text("raise SystemExit('-- apt install redis-server')")
    status, _, stderr = run_needy("Needs: redis", root=tmp_path)
    assert status == 1
    assert stderr.splitlines() == [
        "-- apt install redis-server",
        "weft lesson: a server it needs could not be started, as said above",
    ]


# -- its end -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["04", "08"])
def test_ctrl_c_in_the_middle_ends_it_with_a_line(lesson_started, name) -> None:
    child = lesson_started(name)
    child.stdout.readline()  # and it goes on for more than a second
    interrupt(child)


def test_ctrl_c_ends_what_a_chapter_started(lesson_started) -> None:
    child = lesson_started("06_load")
    wait_until(lambda: len(family(child.pid)) == 2)
    interrupt(child)


@pytest.mark.parametrize("words", [[], ["06"], ["06", "--source"]])
def test_ctrl_c_while_chapters_are_looked_up_ends_it_with_a_line(words, monkeypatch, capsys):
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_chapters, "chapters", interrupted)
    assert lesson.main(words) == 130
    assert capsys.readouterr().err == "weft lesson: interrupted\n"
