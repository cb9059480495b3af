"""Chapter 03: tasks begin in the order of spawn, and go on in the order of their deadlines."""


def test_the_order_is_that_of_readiness(lesson) -> None:
    lines = lesson("03")
    assert lines[1 : lines.index("-- taking turns")] == [
        "three tasks are spawned; nothing has run",
        "    a begins",
        "    b begins",
        "    c begins",
        "    b goes on after 0.1 s",
        "    c goes on after 0.2 s",
        "    a goes on after 0.3 s",
        "results: ['A', 'B', 'C']",
    ]


def test_a_checkpoint_lets_the_other_one_run(lesson) -> None:
    lines = lesson("03")
    turns = [line.strip() for line in lines if ", turn " in line]
    assert turns == [f"{name}, turn {turn}" for turn in (1, 2, 3) for name in "ab"]


def test_a_failure_comes_out_of_result(lesson) -> None:
    assert "result() raises: no more baozi" in lesson("03")
    assert lesson("03")[-1] == "map: [0, 1, 4, 9, 16]"
