"""Chapter 11: callbacks hold a conversation, and the pages somebody waits for come all the same."""


def test_each_guest_has_a_conversation(lesson) -> None:
    lines = lesson("11")
    assert lines[: lines.index("-- beside web pages")] == [
        "-- two guests at once",
        "your name?",
        "hello Ann, how many baozi?",
        "here are 2 for Ann; more?",
        "here are 1 for Ann; more?",
        "your name?",
        "hello Bo, how many baozi?",
        "here are 12 for Bo; more?",
    ]


def test_the_shop_serves_while_pages_are_on_their_way(lesson) -> None:
    lines = lesson("11")
    assert lines[lines.index("-- beside web pages") + 1 :] == [
        "here are 3 for Cy; more?",
        "pages still on their way then: 5 of 5",
        "bytes of all pages: 30000",
    ]
