"""The stdlib's selectors on weft's select."""

import selectors as stdlib
from collections.abc import Iterator

import pytest

import weft
from weft import selectors, socket

SECONDS = 20
CLASSES = [
    selectors.SelectSelector,
    selectors.PollSelector,
    selectors.EpollSelector,
    selectors.DefaultSelector,
]


@pytest.fixture(params=CLASSES)
def selector(request: pytest.FixtureRequest) -> Iterator[stdlib.BaseSelector]:
    with request.param() as selector:
        yield selector


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def test_select_parks(selector, pair) -> None:
    one, other = pair
    key = selector.register(other, selectors.EVENT_READ, "data")
    task = weft.spawn(selector.select)
    weft.checkpoint()
    assert task.state == "parked"
    one.send(b"x")
    assert task.result(SECONDS) == [(key, selectors.EVENT_READ)]


def test_select_times_out(selector, pair) -> None:
    selector.register(pair[0], selectors.EVENT_READ)
    start = weft.now()
    assert selector.select(0.011) == []
    assert weft.now() >= start + 0.011
    assert selector.select(0) == selector.select(-1) == []


def test_modified_and_unregistered(selector, pair) -> None:
    one, other = pair
    selector.register(one, selectors.EVENT_WRITE)
    assert [key.fileobj for key, _ in selector.select()] == [one]
    selector.modify(one, selectors.EVENT_READ)
    assert selector.select(0) == []
    other.send(b"x")
    assert [key.fileobj for key, _ in selector.select()] == [one]
    selector.unregister(one)
    assert selector.select(0) == []


def test_they_are_the_stdlibs() -> None:
    assert issubclass(selectors.EpollSelector, stdlib.EpollSelector)
    assert issubclass(selectors.DefaultSelector, stdlib.DefaultSelector)
    assert selectors.DefaultSelector in CLASSES[:-1]
    assert selectors.SelectorKey is stdlib.SelectorKey


def test_every_name_of_the_stdlib() -> None:
    assert {*dir(stdlib)} <= {*dir(selectors)}
