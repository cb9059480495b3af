"""Programs that start processes do the same as ever, and concurrently."""

import pytest


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_pool_of_processes_works_while_threads_go_on(method, both) -> None:
    assert both(lambda meeting: ["square_numbers.py", method], 1)[0] == [
        "the main thread waits in map, and this one runs",
        "[0, 1, 4, 9, 16, 25, 36, 49] 4",
        "[100, 121, 144, 169, 400, 441, 484, 529]",
        "no square for 3",
        "from a process",
        "0 []",
    ]


def test_a_tree_of_processes_runs_at_once(web, both) -> None:
    leaves = ", ".join(f"leaf {number} met all" for number in range(5))
    assert both(lambda meeting: ["run_tree.py", web(meeting).url + "/meet"], 10) == (
        [
            *[leaves] * 2,
            "warp weft TimeoutExpired CalledProcessError",
            "(3, 'out\\nerror')",
        ],
        [1],
    )


def test_an_event_loop_has_many_processes_at_once(web, both) -> None:
    assert both(lambda meeting: ["loop_and_processes.py", web(meeting).url + "/meet"], 10) == (
        ["True", "True", "-15", "-9"],
        [1],
    )
