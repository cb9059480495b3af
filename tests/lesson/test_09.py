"""Chapter 09: who does not read holds up nobody, and a server in select holds up no task."""

TWO_SOCKETS = [
    "slow:  sent 8 MiB, read nothing of the echo yet",
    "quick: sent 'one baozi', received 'one baozi'",
    "quick: sent 'two baozi', received 'two baozi'",
    "quick: sent 'three baozi', received 'three baozi'",
    "slow:  received 8 MiB, unchanged: True",
]


def test_the_quick_socket_is_answered_while_the_slow_one_does_not_read(lesson) -> None:
    lines = lesson("09")
    assert lines[: lines.index("-- beside other tasks")] == ["-- two sockets", *TWO_SOCKETS]


def test_tasks_tick_while_the_server_waits_in_select(lesson) -> None:
    lines = lesson("09")
    assert lines[lines.index("-- beside other tasks") + 1 :] == [
        "the server is parked, its wait is a poll",
        "3 tasks ticked 10 times each, in 1 OS thread",
        "the server still serves: 'hello'",
        "the server is done",
    ]
