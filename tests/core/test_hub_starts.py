"""What a new task starts with: its context, no exception, all of the recursion depth."""

import contextvars

import pytest

import weft
from weft import lowlevel

variable = contextvars.ContextVar("variable", default="unset")


def test_a_task_runs_in_a_copy_of_its_spawners_context() -> None:
    def run() -> tuple[str, str]:
        before = variable.get()
        variable.set("changed by the task")
        weft.checkpoint()
        return before, variable.get()

    token = variable.set("of the spawner")
    task = weft.spawn(run)
    variable.set("changed since")
    assert task.result() == ("of the spawner", "changed by the task")
    assert variable.get() == "changed since"
    variable.reset(token)


def test_a_task_of_an_empty_context_has_variables_of_its_own() -> None:
    def run(value: str) -> str:
        before = variable.get()
        variable.set(value)
        weft.checkpoint()
        return f"{before} {variable.get()}"

    tasks = [contextvars.Context().run(weft.spawn, run, str(n)) for n in range(3)]
    assert [task.result() for task in tasks] == ["unset 0", "unset 1", "unset 2"]


def test_a_context_can_be_given() -> None:
    context = contextvars.copy_context()
    context.run(variable.set, "given")
    assert lowlevel.spawn_in(variable.get, context=context).result() == "given"
    lowlevel.spawn_in(variable.set, ("kept",), context=context).join()
    assert context[variable] == "kept"


def test_a_context_in_use_fails_the_task_and_not_the_hub() -> None:
    context = contextvars.copy_context()
    first = lowlevel.spawn_in(lowlevel.park, ("test",), context=context)
    second = lowlevel.spawn_in(int, context=context)
    with pytest.raises(RuntimeError, match="already entered"):
        second.result()
    lowlevel.unpark(first, "fine")
    assert first.result() == "fine"


def test_what_is_no_context_fails_the_task_and_not_the_hub() -> None:
    task = lowlevel.spawn_in(int, context={})
    with pytest.raises(TypeError):
        task.result()


def test_handled_exceptions_are_each_tasks_own(program) -> None:
    """Also when the hub was made, and the task spawned, inside an except block."""
    assert program("""
        import sys
        import weft

        def run(name):
            print(name, sys.exc_info()[1])
            try:
                raise KeyError(name)
            except KeyError:
                weft.checkpoint()
                print(name, sys.exc_info()[1])
            print(name, sys.exc_info()[1])

        try:
            raise ValueError("of main")
        except ValueError:
            weft.joinall([weft.spawn(run, "a"), weft.spawn(run, "b")])
            print("main", sys.exc_info()[1])
    """).splitlines() == [
        "a None", "b None", "a 'a'", "a None", "b 'b'", "b None", "main of main",
    ]  # fmt: skip


def test_tasks_start_at_full_recursion_depth_on_a_hub_made_deep(program) -> None:
    """A greenlet inherits the depth of where it was first started."""
    out = program("""
        import weft

        def depth(n=1):
            try:
                return depth(n + 1)
            except RecursionError:
                return n

        def spawner():
            weft.checkpoint()
            return deep(weft.spawn, depth, levels=500).result()

        def deep(fn, *args, levels):
            return fn(*args) if levels == 0 else deep(fn, *args, levels=levels - 1)

        task = deep(weft.spawn, depth, levels=900)
        print(deep(task.result, levels=900))
        print(weft.spawn(spawner).result())
        print(depth())
    """)
    in_task, nested, in_main = map(int, out.split())
    assert in_task == nested >= 998
    assert in_main <= in_task
