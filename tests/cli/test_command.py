"""The command line itself: what it says about itself and about wrong use."""

from importlib.metadata import version

import pytest


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["run", "-h"]])
def test_help_has_examples(words, run_python) -> None:
    done = run_python("-m", "weft", *words)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "examples:\n  weft run " in done.stdout


def test_version_is_the_packages(run_python) -> None:
    done = run_python("-m", "weft", "--version")
    assert done.returncode == 0
    assert done.stdout.startswith(f"weft {version('weft')} (greenlet ")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "the following arguments are required: command"),
        (["weave"], "there is no command 'weave', only run"),
        (["run"], "name a program, or a module after -m"),
        (["run", "-m"], "name a program, or a module after -m"),
        (["run", "--"], "name a program, or a module after -m"),
        (["run", "--nonsense", "prog.py"], "unrecognized arguments: --nonsense"),
    ],
)
def test_wrong_usage_is_status_2_and_says_why(words, complaint, run_python) -> None:
    done = run_python("-m", "weft", *words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("usage: weft")
    assert complaint in done.stderr


def test_two_dashes_end_the_options(run_python, tmp_path) -> None:
    (tmp_path / "--odd.py").write_text("import sys; print(sys.argv)")
    done = run_python("-m", "weft", "run", "--", "--odd.py", "-m")
    assert done.stdout == "['--odd.py', '-m']\n"
