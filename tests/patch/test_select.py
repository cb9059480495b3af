"""``weft.patch.select()`` and ``weft.patch.selectors()``, each in a process of its own."""

from collections.abc import Callable

import pytest

PATCH = """
import os
import weft
import weft.patch
"""


@pytest.fixture
def run(run_python, tmp_path) -> Callable[[str], str]:
    """Run a program in a process of its own; what it prints. It must print nothing else."""

    def run(text: str) -> str:
        program = tmp_path / "program.py"
        program.write_text(PATCH + text)
        done = run_python("-W", "error", str(program))
        assert done.stderr == ""
        assert done.returncode == 0
        return done.stdout.strip()

    return run


WAITS = """
reader, writer = os.pipe()

def parks(function, *arguments):
    task = weft.spawn(function, *arguments)
    weft.checkpoint()
    parked = task.state == "parked"
    os.write(writer, b"x")
    task.result(20)
    os.read(reader, 1)
    return parked
"""


def test_select_poll_and_epoll_stay_and_park(run) -> None:
    assert (
        run(
            """
weft.patch.select()
import select
"""
            + WAITS
            + """
poll, epoll = select.poll(), select.epoll()
poll.register(reader)
epoll.register(reader)
print(parks(select.select, [reader], [], []), parks(poll.poll), parks(epoll.poll))
print(weft.patch.is_patched("select"))
"""
        )
        == "True True True\nTrue"
    )


def test_what_was_taken_before_the_patch_is_repaired(run) -> None:
    assert (
        run(
            """
import pty
from select import select

class Asks:
    _select = select

weft.patch.select()
"""
            + WAITS
            + """
print(parks(select, [reader], [], []), parks(pty.select, [reader], [], []),
      parks(Asks()._select, [reader], [], []))
"""
        )
        == "True True True"
    )


def test_objects_made_before_the_patch_are_instances(run) -> None:
    assert (
        run("""
import select
early = select.epoll()
weft.patch.select()
print(isinstance(early, select.epoll), isinstance(select.epoll(), select.epoll))
""")
        == "True True"
    )


@pytest.mark.parametrize("patch", ["weft.patch.selectors()", "weft.patch.all()"])
def test_selectors_keep_their_classes_and_park(run, patch: str) -> None:
    assert (
        run(
            f"""
import selectors
import socketserver
classes = selectors.SelectSelector, selectors.PollSelector, selectors.EpollSelector
early = selectors.SelectSelector()
{patch}
"""
            + WAITS
            + """
print(classes == (selectors.SelectSelector, selectors.PollSelector, selectors.EpollSelector))
for selector in (early, *[cls() for cls in classes], socketserver._ServerSelector()):
    selector.register(reader, selectors.EVENT_READ)
    print(parks(selector.select), end=" ")
print(weft.patch.is_patched("selectors"))
"""
        )
        == "True\nTrue True True True True True"
    )


def test_the_original_select_stays_within_reach(run) -> None:
    assert (
        run("""
import select
first = select.select, select.poll, select.epoll
weft.patch.select()
original = weft.patch.original("select")
print(first == (original.select, original.poll, original.epoll), first[0] is select.select)
""")
        == "True False"
    )


def test_subprocesses_communicate_concurrently(run) -> None:
    assert (
        run("""
weft.patch.select()
weft.patch.selectors()
import subprocess

def ask(text):
    return subprocess.run(["cat"], input=text, capture_output=True, text=True).stdout

slow = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
waiting = weft.spawn(lambda: (slow.stdout, __import__("select").select([slow.stdout], [], [])))
weft.checkpoint()
print(ask("one"), weft.spawn(ask, "two").result(20), waiting.state)
slow.communicate("end")
waiting.cancel()
""")
        == "one two parked"
    )
