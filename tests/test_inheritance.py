"""What a task gets from who spawned it: a copy of the contextvars; and what not: weft.local."""

import contextvars
from collections.abc import Iterator

import weft

request = contextvars.ContextVar("request", default="none")


def test_contextvars_are_inherited_as_a_copy() -> None:
    def visit(name: str) -> str:
        before = request.get()
        request.set(name)
        weft.checkpoint()
        assert request.get() == name
        return before

    def main() -> list[str]:
        request.set("mine")
        seen = [weft.spawn(visit, "spawn").result()]
        with weft.group() as g:
            child = g.spawn(visit, "group")
        seen += [child.result(), *weft.map(visit, ["a", "b"])]
        seen += weft.gather(lambda: visit("gather")), weft.first(lambda: visit("first"))
        with weft.Pool(1) as pool:
            seen += [pool.spawn(visit, "pool").result(), *pool.map(visit, ["pool"])]
        assert request.get() == "mine"
        return [each if isinstance(each, str) else each[0] for each in seen]

    assert weft.spawn(main).result() == ["mine"] * 8
    assert request.get() == "none"


def test_contextvars_set_by_the_items_reach_their_calls() -> None:
    def items() -> Iterator[int]:
        for n in range(3):
            request.set(f"request {n}")
            yield n

    assert list(weft.map(lambda n: (n, request.get()), items(), limit=2)) == (
        [(0, "request 0"), (1, "request 1"), (2, "request 2")]
    )


def test_local_is_of_one_task() -> None:
    mine = weft.local()
    mine.name = "main"

    def visit(name: str) -> bool:
        seen = hasattr(mine, "name")
        mine.name = name
        weft.checkpoint()
        assert mine.name == name
        return seen

    with weft.group() as g:
        children = [weft.spawn(visit, "spawn"), g.spawn(visit, "group")]
    assert [child.result() for child in children] == [False, False]
    assert list(weft.map(visit, "abc")) == [False] * 3
    assert mine.name == "main"


def test_calls_have_the_name_of_their_function_and_the_callers_place() -> None:
    def describe(_: int = 0) -> tuple[str, str]:
        return weft.current().name, weft.current().spawn_place

    with weft.Pool(1) as pool:
        told = [
            *weft.map(describe, [0]),
            *weft.gather(describe),
            weft.first(describe),
            pool.spawn(describe).result(),
            *pool.map(describe, [0]),
        ]
    for name, place in told:
        assert "describe-" in name
        assert place.startswith(__file__)
        assert place.endswith("in test_calls_have_the_name_of_their_function_and_the_callers_place")
