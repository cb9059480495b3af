"""Chapter 07: events are handled in order, and a handler that waits holds up nobody."""


def part(lines: list[str], title: str) -> list[str]:
    """The lines below ``-- title``."""
    after = lines[lines.index(f"-- {title}") + 1 :]
    ends = [number for number, line in enumerate(after) if line.startswith("-- ")]
    return [line.strip() for line in after[: ends[0] if ends else None]]


def test_a_handler_that_waits_holds_up_nobody(lesson) -> None:
    assert part(lesson("07"), "a queue and handlers") == [
        "published: Order of Ann",
        "published: Order of Bo",
        "published: Bill of Cai",
        "nothing was handled yet: the loop begins now",
        "cook: Ann's baozi go into the steamer",
        "clerk: Order of Ann",
        "cook: Bo's baozi go into the steamer",
        "clerk: Order of Bo",
        "clerk: Bill of Cai",
        "cook: Ann's baozi are ready",
        "cook: Bo's baozi are ready",
    ]


def test_timers_sockets_and_threads_reach_the_same_loop(lesson) -> None:
    assert part(lesson("07"), "timers") == ["after 0.1 s", "after 0.2 s"]
    assert part(lesson("07"), "sockets") == [
        f"readable: {data!r}" for data in (b"hello", b"world", b"")
    ]
    assert part(lesson("07"), "other threads") == ["the thread computed 499999500000"]
