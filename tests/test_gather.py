"""gather and first: all results or the first failure; the first success or all failures."""

from collections.abc import Iterator

import pytest

import weft
from weft import lowlevel


@pytest.fixture(autouse=True)
def no_task_is_left() -> Iterator[None]:
    weft.sleep(0)
    before = weft.tasks()
    yield
    assert weft.tasks() == before


def turns(n: int) -> int:
    """Take ``n`` turns, and say so."""
    for _ in range(n):
        weft.checkpoint()
    return n


def park(log: list[str]) -> None:
    """Park until cancelled, and take some turns to end."""
    try:
        lowlevel.park("test")
    finally:
        turns(3)
        log.append("ended")


def fail(error: BaseException) -> None:
    weft.checkpoint()
    raise error


def test_gather_returns_results_in_order() -> None:
    assert weft.gather(*[lambda n=n: turns(n) for n in (3, 1, 2)]) == [3, 1, 2]
    assert weft.gather() == []


def test_gather_raises_the_first_failure_and_cancels_the_rest() -> None:
    log: list[str] = []
    with pytest.raises(ValueError, match="one") as e:
        weft.gather(lambda: park(log), lambda: fail(ValueError("one")), lambda: fail(KeyError(2)))
    assert log == ["ended"]
    [note] = e.value.__notes__
    assert note.startswith("also failed: task 'test_gather_raises")
    assert note.endswith("KeyError(2)")


def test_a_cancelled_gather_cancels_and_waits() -> None:
    log: list[str] = []
    with pytest.raises(TimeoutError), weft.timeout(0.001):
        weft.gather(lambda: park(log), lambda: park(log))
    assert log == ["ended", "ended"]


@pytest.mark.parametrize("function", [weft.gather, weft.first])
def test_results_in_place_of_functions_are_an_error_that_helps(function) -> None:
    with pytest.raises(TypeError, match=rf"got 4; write {function.__name__}\(lambda: fetch\(url\)"):
        function(turns, len("weft"))


def test_first_returns_the_first_success_and_cancels_the_rest() -> None:
    log: list[str] = []
    assert weft.first(lambda: fail(OSError()), lambda: turns(3), lambda: park(log)) == 3
    assert log == ["ended"]


def test_losers_that_fail_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    thunks = [lambda: fail(OSError()), lambda: turns(1), lambda: fail(KeyError())]
    assert weft.first(*thunks) == 1
    for _ in range(4):
        weft.sleep(1e-6)
    assert caplog.records == []


def test_first_raises_all_failures_when_all_fail() -> None:
    with pytest.raises(ExceptionGroup, match="first: all 2 failed") as e:
        weft.first(lambda: fail(OSError("slow")), lambda: 1 / 0)
    assert [type(error) for error in e.value.exceptions] == [ZeroDivisionError, OSError]


def test_first_of_nothing_is_an_error() -> None:
    with pytest.raises(TypeError, match="at least one function"):
        weft.first()


def test_first_lets_what_ends_the_program_pass() -> None:
    log: list[str] = []
    with pytest.raises(SystemExit):
        weft.first(lambda: park(log), lambda: fail(SystemExit(1)))
    assert log == ["ended"]


def test_a_cancelled_first_cancels_and_waits() -> None:
    log: list[str] = []
    with weft.move_on_after(0.001):
        weft.first(lambda: park(log), lambda: park(log))
    assert log == ["ended", "ended"]


@pytest.mark.parametrize("function", [weft.gather, weft.first])
def test_a_call_cancelled_by_others_is_a_failure(function) -> None:
    with pytest.raises((weft.TaskError, ExceptionGroup)) as e:
        function(lambda: weft.current().cancel("not today") and turns(1))
    error = getattr(e.value, "exceptions", [e.value])[0]
    assert "was cancelled, so it has no result" in str(error)
    assert "not today" in str(error.__cause__)


def test_happy_eyeballs() -> None:
    """The second address is tried when the first has not answered for a while."""

    def connect(address: str, head_start: int) -> str:
        turns(head_start)
        if address == "::1":
            raise OSError("no route to host")
        return address

    assert weft.first(lambda: connect("::1", 0), lambda: connect("127.0.0.1", 5)) == "127.0.0.1"
