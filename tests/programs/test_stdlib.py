"""Programs of the stdlib's executors, processes and event loops do the same, and concurrently."""

import pytest


@pytest.fixture(params=["python", "weft"])
def way(request) -> str:
    return request.param


def test_an_executor_works_on_all_pages_at_once(way, web, lines, meet) -> None:
    meeting = meet(20)
    url = f"{web(meeting).url}/meet"
    assert lines(way, "count_words.py", *[url] * 20, meetings=[meeting]) == [
        "Counter({'met': 20, 'all': 20})",
        "[('met', 20)]",
        "URLError",
        "not yet",
        "True False",
        "True True",
        "cancelled",
    ]
    assert way == "python" or meeting.threads == [1, 1]


def test_an_event_loop_and_blocking_code_work_side_by_side(way, web, lines, meet) -> None:
    meeting = meet(20)
    url = web(meeting).url + "/meet"
    assert lines(way, "loop_and_threads.py", *[url] * 20, meetings=[meeting]) == [
        "weaver: met all",
        "too late",
        "0 1 2 3 4",
    ]
    assert way == "python" or meeting.threads == [1]
