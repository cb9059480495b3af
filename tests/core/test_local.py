"""local and get_ident: values and identities of tasks, of OS threads, of neither."""

import _thread
import gc
import re
import weakref

import greenlet
import pytest

import weft
from weft import lowlevel
from weft._core._local import forget_locals, get_ident, green_task, ident, local, native_ident


class Value:
    """Something that can be seen to die."""


# -- local -------------------------------------------------------------------------------


def test_each_task_and_the_main_program_has_its_own_values() -> None:
    mine = local()
    mine.x = "main"

    def run(number: int) -> tuple[bool, int]:
        had = hasattr(mine, "x")
        mine.x = number
        weft.checkpoint()
        return had, mine.x

    tasks = [weft.spawn(run, number) for number in range(3)]
    assert [task.result() for task in tasks] == [(False, 0), (False, 1), (False, 2)]
    assert mine.x == "main"


def test_each_os_thread_has_its_own_values(in_thread) -> None:
    mine = local()
    mine.x = 1
    assert in_thread(hasattr, mine, "x") is False
    # The main task of a hub is its thread: what it had before the hub was made, it has after.
    assert in_thread(lambda: (setattr(mine, "x", 2), weft.checkpoint(), mine.x)[2]) == 2
    assert mine.x == 1


def test_a_raw_greenlet_sees_the_values_of_its_task() -> None:
    mine = local()

    def run() -> str:
        mine.x = "task"
        return greenlet.greenlet(lambda: mine.x).switch()

    assert weft.spawn(run).result() == "task"


def test_values_die_with_their_task() -> None:
    mine = local()

    def run() -> weakref.ref[Value]:
        mine.x = Value()
        return weakref.ref(mine.x)

    task = weft.spawn(run)
    assert task.result()() is None
    assert mine.__dict__ == {}


def test_values_die_with_their_thread(in_thread) -> None:
    mine = local()

    def run() -> weakref.ref[Value]:
        mine.x = Value()
        return weakref.ref(mine.x)

    assert in_thread(run)() is None


def test_values_die_with_the_local() -> None:
    holder = [local()]
    seen = []

    def give_value() -> None:
        holder[0].x = Value()
        seen.append(weakref.ref(holder[0].x))

    def run() -> None:
        give_value()
        lowlevel.park("test")

    task = weft.spawn(run)
    weft.checkpoint()
    give_value()
    assert None not in [ref() for ref in seen]
    holder.clear()
    assert [ref() for ref in seen] == [None, None]
    lowlevel.unpark(task)
    task.join()


def test_a_value_that_refers_to_its_local_is_collected() -> None:
    value = Value()
    value.local = local()
    value.local.x = value
    reference = weakref.ref(value)
    del value
    gc.collect()
    assert reference() is None


def test_a_new_local_at_the_address_of_an_old_one_is_empty() -> None:
    for number in range(100):
        mine = local()
        assert mine.__dict__ == {}
        mine.x = number


def test_values_can_be_forgotten_before_the_task_ends() -> None:
    mine = local()

    def run() -> bool:
        mine.x = 1
        forget_locals()
        return hasattr(mine, "x")

    mine.x = "main"
    assert weft.spawn(run).result() is False
    forget_locals()
    assert mine.x == "main", "a main task keeps its thread's"


def test_a_destructor_of_a_value_may_use_the_local_again() -> None:
    mine = local()
    seen = []

    class Nosy:
        def __del__(self) -> None:
            seen.append(hasattr(mine, "x"))
            mine.y = 1

    def run() -> None:
        mine.x = Nosy()

    weft.spawn(run).join()
    assert seen == [False]


def test_a_destructor_of_a_value_may_drop_the_last_reference_to_another_local() -> None:
    mine = local()

    class Holder:
        def __init__(self) -> None:
            self.other = local()
            self.other.x = Value()

    def run() -> None:
        mine.x = Holder()
        mine.y = Holder()

    weft.spawn(run).join()
    assert mine.__dict__ == {}


def test_a_subclass_is_initialised_in_each_task_with_the_same_arguments() -> None:
    calls = []

    class Counting(local):
        kind = "class attribute"

        def __init__(self, start: int, *, step: int) -> None:
            calls.append(get_ident())
            self.start, self.step = start, step

    mine = Counting(1, step=2)
    mine.start = 10
    task = weft.spawn(lambda: (mine.start, mine.step, mine.kind))
    assert task.result() == (1, 2, "class attribute")
    assert (mine.start, mine.step) == (10, 2)
    assert len(calls) == 2 and len(set(calls)) == 2


def test_a_subclass_whose_init_fails_tries_again() -> None:
    fail = []

    class Failing(local):
        def __init__(self) -> None:
            if fail:
                raise ArithmeticError
            self.x = 1

    mine = Failing()

    def run() -> int:
        fail.append(True)
        with pytest.raises(ArithmeticError):
            mine.x  # noqa: B018
        fail.clear()
        return mine.x

    assert weft.spawn(run).result() == 1


def test_slots_of_a_subclass_are_common_to_all() -> None:
    class Slotted(local):
        __slots__ = ("shared",)

    mine = Slotted()
    mine.shared, mine.own = 1, 2
    assert weft.spawn(lambda: (mine.shared, hasattr(mine, "own"))).result() == (1, False)


def test_arguments_need_an_init() -> None:
    for arguments, keywords in (((1,), {}), ((), {"a": 1})):
        with pytest.raises(TypeError, match="Initialization arguments are not supported"):
            local(*arguments, **keywords)


def test_attributes_are_the_stdlibs_in_every_respect() -> None:
    ours, theirs = local(), _thread._local()
    for each in (ours, theirs):
        each.x = 1
        each.__dict__["y"] = 2
    assert ours.__dict__ == theirs.__dict__ == {"x": 1, "y": 2}
    assert set(dir(ours)) >= {"x", "y"}
    for act in (
        lambda each: each.missing,
        lambda each: delattr(each, "missing"),
        lambda each: setattr(each, "__dict__", {}),
        lambda each: delattr(each, "__dict__"),
        lambda each: getattr(each, 1),
    ):
        with pytest.raises((AttributeError, TypeError)) as expected:
            act(theirs)
        with pytest.raises(expected.type) as raised:
            act(ours)
        assert re.sub(r"'[\w.]*local'", "TYPE", str(raised.value)) == re.sub(
            r"'[\w.]*local'", "TYPE", str(expected.value)
        )
    del ours.x
    assert ours.__dict__ == {"y": 2}


# -- identity -----------------------------------------------------------------------------


def test_a_main_task_has_the_identity_of_its_thread(in_thread) -> None:
    assert get_ident() == _thread.get_ident()
    assert in_thread(lambda: get_ident() == _thread.get_ident())
    assert in_thread(lambda: (weft.checkpoint(), get_ident() == _thread.get_ident())[1])


def test_every_other_task_has_its_own() -> None:
    tasks = [weft.spawn(get_ident) for _ in range(20)]
    idents = {task.result() for task in tasks}
    assert len(idents) == 20 and _thread.get_ident() not in idents
    assert [ident(task) for task in tasks] == [task.result() for task in tasks]
    assert ident(weft.current()) == get_ident()


def test_the_thread_of_a_task_is_found_by_its_identity(in_thread) -> None:
    def elsewhere() -> tuple[int, int]:
        number = weft.spawn(get_ident)
        return native_ident(ident(number)), number.result() and _thread.get_ident()

    found, expected = in_thread(elsewhere)
    assert found == expected
    task = weft.spawn(int)
    assert native_ident(ident(task)) == _thread.get_ident()
    task.join()
    for other in (_thread.get_ident(), 12345):
        assert native_ident(other) == other


def test_green_task_is_none_where_no_task_was_spawned(in_thread) -> None:
    assert green_task() is None
    assert in_thread(green_task) is None
    task = weft.spawn(green_task)
    assert task.result() is task


def test_asking_makes_no_hub(in_thread) -> None:
    def ask() -> int:
        mine = local()
        mine.x = get_ident()
        green_task()
        return len(lowlevel_tasks())

    lowlevel_tasks = lowlevel.tasks
    before = len(lowlevel.tasks())
    assert in_thread(ask) == before


def test_as_class_attributes_they_do_not_become_methods() -> None:
    class Own:
        who = get_ident

    assert Own().who() == get_ident()
