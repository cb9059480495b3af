"""Programs of the stdlib's executors and event loops do the same, and concurrently."""

import signal

import pytest


def test_an_executor_works_on_all_pages_at_once(web, both) -> None:
    assert both(lambda meeting: ["count_words.py", *[web(meeting).url + "/meet"] * 20], 20) == (
        [
            "Counter({'met': 20, 'all': 20})",
            "[('met', 20)]",
            "URLError",
            "not yet",
            "True False",
            "True True",
            "cancelled",
        ],
        [1, 1],
    )


def test_an_event_loop_and_blocking_code_work_side_by_side(web, both) -> None:
    assert both(
        lambda meeting: ["loop_and_threads.py", *[web(meeting).url + "/meet"] * 20], 20
    ) == (
        ["weaver: met all", "too late", "0 1 2 3 4"],
        [1],
    )


@pytest.mark.parametrize("way", ["python", "weft"])
def test_an_event_loop_is_told_of_ctrl_c_by_cancelling_its_task(way, start, finish) -> None:
    program = start(way, "loop_until_ctrl_c.py")
    assert program.stdout.readline() == "ready\n"
    program.send_signal(signal.SIGINT)
    assert finish(program) == ["told to stop 1 True", "cleaned up True", "interrupted"]
