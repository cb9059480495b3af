"""Chapter 04: waits overlap, computations do not."""

import re


def figures(line: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", line)]


def test_ten_waits_take_as_long_as_one(lesson) -> None:
    _, slow, fast, same, _, computing = lesson("04")
    # Somebody else may use the machine: far fewer than ten times would still show it.
    assert figures(slow)[0] >= 1.0
    assert figures(fast)[1] >= 3
    assert same == "the same results: True; OS threads: 1"
    assert computing.endswith("computing is not waiting")
    assert 0.3 <= figures(computing)[0] <= 3
