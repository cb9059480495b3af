"""What the tests of reports share: programs that hang, each in a process of its own."""

import textwrap
from collections.abc import Callable, Iterator
from subprocess import CompletedProcess

import pytest

import weft

Hung = Callable[..., "CompletedProcess[str]"]
PATCH = "import weft.patch\nweft.patch.all()\n"


@pytest.fixture
def spawned() -> Iterator[Callable[..., weft.Task]]:
    """``weft.spawn``; what is left of the tasks ends with the test."""
    tasks: list[weft.Task] = []

    def spawn(fn, *args) -> weft.Task:
        tasks.append(weft.spawn(fn, *args))
        return tasks[-1]

    yield spawn
    for task in tasks:
        task.cancel()
    weft.joinall(tasks)


@pytest.fixture
def hung(run_python, tmp_path) -> Hung:
    """Run a program from a file ``app.py``; return how it ended."""

    def run(source: str, *, patched: bool = False, words: tuple[str, ...] = ()):
        text = (PATCH if patched else "") + textwrap.dedent(source)
        (tmp_path / "app.py").write_text(text)
        return run_python(*words, "app.py", timeout=60)

    return run
