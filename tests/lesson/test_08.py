"""Chapter 08: waits overlap in threads and in tasks, and tasks take one thread and less memory."""

import re
from typing import NamedTuple

WAITS = {"A": 3, "B": 5, "C": 4}


class Row(NamedTuple):
    seconds: float
    threads: int
    memory: str


def row(lines: list[str], model: str) -> Row:
    """The table's line of a model."""
    line = next(line for line in lines if line.startswith(f"{model}  "))
    cells = re.fullmatch(rf"{model} +([\d.]+) s +(\d+) +(-|\d+ KiB)", line)
    return Row(float(cells[1]), int(cells[2]), cells[3])


def timelines(lines: list[str], model: str) -> dict[str, tuple[int, int]]:
    """When each task began to wait and when it was over, in tenths of a second."""
    start = lines.index(f"-- {model}") + 1
    rows = [re.fullmatch(r"    (\w) ( *)(=+)\|", line) for line in lines[start : start + 3]]
    return {found[1]: (len(found[2]), len(found[2] + found[3])) for found in rows}


def test_in_a_single_thread_one_waits_after_the_other(lesson) -> None:
    lines = lesson("08")
    spans = timelines(lines, "single thread")
    assert spans["A"][1] <= spans["B"][0]
    assert spans["B"][1] <= spans["C"][0]
    single = row(lines, "single thread")
    assert single.seconds >= 1.2
    assert single.threads == 1


def test_in_threads_and_in_tasks_the_waits_overlap(lesson) -> None:
    lines = lesson("08")
    for model in ("threads", "event driven"):
        spans = timelines(lines, model)
        assert max(begin for begin, _ in spans.values()) < min(end for _, end in spans.values())
        assert all(end - begin >= WAITS[name] for name, (begin, end) in spans.items())
        assert 0.5 <= row(lines, model).seconds < row(lines, "single thread").seconds


def test_only_threads_take_threads_and_their_memory(lesson) -> None:
    lines = lesson("08")
    assert row(lines, "threads").threads == 3
    assert row(lines, "event driven").threads == 1
    thread, task = (int(row(lines, name).memory.split()[0]) for name in ("threads", "event driven"))
    assert task < thread
