"""Chapter 02: whoever switches by hand must know who is next; with park nobody must."""


def test_by_hand_one_is_left_behind(lesson) -> None:
    lines = lesson("02")
    assert lines[: lines.index("-- with a scheduler")] == [
        "-- by hand",
        "ping 1",
        "    pong 1",
        "ping 2",
        "    pong 2",
        "ping ends",
        "is pong over? False",
    ]


def test_unpark_goes_on_and_the_parked_task_follows(lesson) -> None:
    lines = lesson("02")
    scheduled = lines[lines.index("-- with a scheduler") + 1 :]
    assert scheduled == [
        "the referee has called turn 1",
        "ping was told 'turn 1'",
        "the referee has called turn 2",
        "pong was told 'turn 2'",
        "the referee has called turn 3",
        "ping was told 'turn 3'",
        "ping ends",
        "the referee has called turn 4",
        "pong was told 'turn 4'",
        "pong ends",
        "are both over? True",
    ]
