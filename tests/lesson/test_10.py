"""Chapter 10: an edge is told once, and a server in poll() holds up no task."""


def test_servers_on_poll_and_on_epoll_run_beside_a_task(lesson) -> None:
    assert lesson("10") == [
        "a task ticks 10 times, while 2 servers wait in poll()",
        "poll:  100 of 100 clients at once got their echo",
        "epoll: 100 of 100 clients at once got their echo",
        "and the task has ticked 10 times more",
        "OS threads that ran all this: 1",
    ]


def test_what_an_edge_leaves_unread_is_forgotten(lesson) -> None:
    assert lesson("10_poll_edges")[1:3] == [
        "level-triggered: [4, 4, 2], and all are read",
        "edge-triggered:  [4], and six are forgotten",
    ]


def test_an_edge_triggered_server_runs_beside_a_task(lesson) -> None:
    assert lesson("10_poll_edges")[4:] == [
        "a task ticks 10 times, while the server waits in poll()",
        "100 of 100 clients at once got their echo",
        "and the task has ticked 10 times more",
        "OS threads that ran all this: 1",
    ]
