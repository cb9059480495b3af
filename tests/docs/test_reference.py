"""tools/docs: docstrings become fields, and signatures come from the stubs."""

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Imports a module of tools/docs."""
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[2] / "tools/docs")
    yield import_module
    for name in ("sections", "signatures"):
        sys.modules.pop(name, None)


DOCSTRING = """Wait for a thing.

It may be gone.

Args:
  seconds: give up after
    so long.
  *others: too.

Returns:
  Whether it came: False
  for no.

Raises:
  OSError: EBADF if closed.

Parks: always. Woken by: the poller,
or a scope. Threads: any.

Example:
  >>> 1 + 1
  2
"""


def test_sections_become_fields_and_examples_code(tool) -> None:
    lines = tool("sections").to_rest(DOCSTRING)
    assert [line for line in lines if line] == [
        "Wait for a thing.",
        "It may be gone.",
        ":param seconds: give up after so long.",
        ":param others: too.",
        ":Returns: Whether it came: False for no.",
        ":raises OSError: EBADF if closed.",
        ":Parks: always.",
        ":Woken by: the poller, or a scope.",
        ":Threads: any.",
        ".. rubric:: Example",
        ">>> 1 + 1",
        "2",
    ]


def test_notes_for_those_who_change_a_module_are_left_out(tool) -> None:
    text = "Servers.\n\nOwns: tasks. Must not know: handlers.\n\nOwns nothing. They park."
    assert tool("sections").without_notes(text) == "Servers.\n\nThey park."


def test_a_native_function_has_the_signature_of_its_stub(tool) -> None:
    calls = tool("signatures").calls("weft._core._api", "unpark")
    assert calls == [
        "(task: Task[Any], value: object=None, *, exception: BaseException | None=None) -> bool"
    ]


def test_a_native_class_is_called_as_its_init_and_its_methods_have_no_self(tool) -> None:
    signatures = tool("signatures")
    assert signatures.calls("weft._core._queue", "Queue") == ["(maxsize: int=0)"]
    assert signatures.calls("weft._core._queue", "Queue.get_nowait") == ["() -> _T"]
    assert signatures.calls("weft._core._task", "Task") == []  # programs do not make one


def test_overloads_are_shown_and_the_implementation_is_not(tool) -> None:
    calls = tool("signatures").calls("weft._fanout", "map")
    assert len(calls) == 2
    assert calls[0].endswith("-> Results[R]")


def test_constants_and_quoted_types_are_shown_as_what_they_stand_for(tool) -> None:
    (call,) = tool("signatures").calls("weft.servers._stream", "serve_tcp")
    assert "backlog: int=1024" in call
    assert "ssl: SSLContext | None=None" in call


def test_a_property_has_a_type_and_no_call(tool) -> None:
    signatures = tool("signatures")
    assert signatures.calls("weft._core._task", "Task.done") == []
    assert signatures.type_of("weft._core._task", "Task.done") == "bool"
    assert signatures.type_of("weft._core._task", "Task.name") == "str"
