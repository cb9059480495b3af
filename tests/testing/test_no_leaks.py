"""no_leaks: a block that leaves something behind fails, and says what."""

import pytest

import weft
import weft.socket
from weft.testing import no_leaks


def test_a_clean_block_passes() -> None:
    with no_leaks():
        weft.spawn(weft.sleep, 0.0001).join()
        with weft.timeout(5):
            weft.checkpoint()
        weft.spawn(weft.checkpoint)


def test_a_task_is_named_with_its_place_and_what_it_waits_for() -> None:
    with pytest.raises(AssertionError) as caught, no_leaks():
        task = weft.spawn(weft.sleep, 3600)
    task.name = "poller"
    task.cancel()
    task.join()
    first, second = str(caught.value).splitlines()
    assert first == "the block left behind:"
    assert "task 'sleep-" in second
    assert f"spawned at {__file__}:" in second
    assert second.endswith(" s left)")


def test_a_timer_counts() -> None:
    limit = weft.timeout(3600)
    with pytest.raises(AssertionError, match=r"timers: 0 before, 1 now"), no_leaks():
        limit.__enter__()
    limit.__exit__(None, None, None)


def test_a_socket_that_waited_counts() -> None:
    a, b = weft.socket.socketpair()
    with a, b:
        with pytest.raises(AssertionError, match=r"descriptors: \d before, \d now"), no_leaks():
            a.settimeout(0.0001)
            with pytest.raises(TimeoutError):
                a.recv(1)
        with no_leaks():
            weft.sleep(0)


def test_what_was_there_before_does_not_count() -> None:
    task = weft.spawn(weft.sleep, 3600)
    weft.checkpoint()
    with no_leaks():
        weft.sleep(0)
    task.cancel()
    task.join()


def test_the_blocks_own_error_passes() -> None:
    with pytest.raises(KeyError), no_leaks():
        task = weft.spawn(weft.sleep, 3600)
        raise KeyError
    task.cancel()
    task.join()
