"""Channels: rendezvous and buffered, closing either end, timeouts, cancellation."""

import gc
import types
import weakref
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from weft.testing import Clock, virtual_time


@pytest.fixture
def clock() -> Iterator[Clock]:
    with virtual_time() as clock:
        yield clock


def parked(fn, *arguments, **keywords) -> weft.Task:
    """A task that runs this and waits."""
    task = weft.spawn(fn, *arguments, **keywords)
    while task.state in ("new", "ready"):
        weft.checkpoint()
    assert task.state == "parked"
    return task


SIZES = pytest.mark.parametrize("size", [0, 1, 3])


def sender(tx: weft.Sender, item: object, seconds: float | None = None) -> weft.Task:
    task = parked(tx.send, item, seconds)
    assert task.wait_kind == "send" and task.wait_object is tx
    return task


def receiver(rx: weft.Receiver, seconds: float | None = None) -> weft.Task:
    task = parked(rx.receive, seconds)
    assert task.wait_kind == "receive" and task.wait_object is rx
    return task


def filled(size: int) -> tuple[weft.Sender, weft.Receiver]:
    """A channel into which nothing more goes: it holds 0, 1, 2 ..."""
    tx, rx = weft.channel(size)
    for number in range(size):
        tx.send(number)
    return tx, rx


# -- sending and receiving -------------------------------------------------------


def test_without_a_buffer_sender_and_receiver_meet() -> None:
    tx, rx = weft.channel()
    steps = []

    def send() -> None:
        for number in range(3):
            tx.send(number)
            steps.append(f"sent {number}")

    task = parked(send)
    assert steps == [], "nobody has received"
    assert rx.receive() == 0
    weft.checkpoint()
    assert steps == ["sent 0"]
    assert [rx.receive(), rx.receive()] == [1, 2]
    task.join()


@pytest.mark.parametrize("size", [1, 3])
def test_a_buffer_lets_the_sender_run_ahead(size) -> None:
    tx, rx = filled(size)
    task = sender(tx, size)
    assert [rx.receive() for _ in range(size + 1)] == list(range(size + 1))
    assert task.result() is None


@SIZES
def test_waiting_receivers_are_served_in_their_order(size) -> None:
    tx, rx = weft.channel(size)
    tasks = [receiver(rx) for _ in range(3)]
    for item in "abc":
        tx.send(item)
    assert rx.statistics()["items"] == 0, "handed over at once"
    assert [task.result() for task in tasks] == ["a", "b", "c"]


@SIZES
def test_waiting_senders_are_served_in_their_order(size) -> None:
    tx, rx = filled(size)
    tasks = [sender(tx, size + number) for number in range(3)]
    assert [rx.receive() for _ in range(size + 3)] == list(range(size + 3))
    for task in tasks:
        task.result()


@given(st.integers(0, 3), st.integers(1, 4), st.integers(1, 4), st.integers(0, 12))
def test_many_share_an_end_and_each_item_comes_once(size, senders, receivers, count) -> None:
    tx, rx = weft.channel(size)
    got: list[list[tuple[int, int]]] = [[] for _ in range(receivers)]

    def send(number: int) -> None:
        for index in range(count):
            tx.send((number, index))

    def receive(number: int) -> None:
        got[number].extend(rx)

    receiving = [weft.spawn(receive, number) for number in range(receivers)]
    weft.joinall([weft.spawn(send, number) for number in range(senders)])
    tx.close()
    weft.joinall(receiving)
    every = [item for some in got for item in some]
    assert sorted(every) == [(n, index) for n in range(senders) for index in range(count)]
    for some in got:
        for number in range(senders):
            own = [index for n, index in some if n == number]
            assert own == sorted(own)


def test_none_is_an_item_like_any_other() -> None:
    tx, rx = weft.channel()
    task = receiver(rx)
    tx.send(None)
    assert task.result() is None
    task = sender(tx, None)
    assert rx.receive() is None
    task.result()


# -- timeouts and cancellation ---------------------------------------------------


@SIZES
def test_seconds_bound_the_wait(size, clock) -> None:
    tx, rx = filled(size)
    for seconds in (0, -1, 0.5):
        with pytest.raises(TimeoutError, match=f"nobody took the item within {seconds} s"):
            tx.send("late", seconds)
    assert [rx.receive() for _ in range(size)] == list(range(size))
    for seconds in (0, -1, 0.5):
        with pytest.raises(TimeoutError, match=f"no item came within {seconds} s"):
            rx.receive(seconds)
    task = receiver(rx, 100)
    tx.send("in time", 0)
    assert task.result() == "in time"


@SIZES
def test_a_cancelled_sender_has_not_sent(size) -> None:
    tx, rx = filled(size)
    first, second = sender(tx, "first"), sender(tx, "second")
    first.cancel()
    assert [rx.receive() for _ in range(size + 1)] == [*range(size), "second"]
    second.result()
    with pytest.raises(weft.Cancelled):
        first.result()


@SIZES
def test_a_cancelled_receiver_takes_nothing_with_it(size) -> None:
    tx, rx = weft.channel(size)
    first, second = receiver(rx), receiver(rx)
    first.cancel()
    tx.send("only")
    assert second.result() == "only"
    with pytest.raises(weft.Cancelled):
        first.result()


@SIZES
def test_what_went_through_is_not_undone_before_its_task_runs(size) -> None:
    """Neither by a cancellation nor by a close, of either end."""
    tx, rx = filled(size)
    steps: list[object] = []

    def run(call, *arguments) -> None:
        steps.append((call(*arguments), *arguments))
        weft.checkpoint()
        steps.append("never")

    sending = parked(run, tx.send, "sent")
    assert [rx.receive() for _ in range(size + 1)] == [*range(size), "sent"]
    sending.cancel()
    receiving = parked(run, rx.receive)
    tx.send("received")
    receiving.cancel()
    tx.close()
    rx.close()
    weft.joinall([sending, receiving])
    assert steps == [(None, "sent"), ("received",)]


def test_wrong_numbers_are_refused() -> None:
    tx, rx = weft.channel()
    with pytest.raises(ValueError, match="negative, got -1"):
        weft.channel(-1)
    with pytest.raises(TypeError):
        weft.channel("many")
    for call in (lambda: tx.send(1, "soon"), lambda: rx.receive("soon")):
        with pytest.raises((TypeError, ValueError)):
            call()
    with pytest.raises(ValueError, match="NaN"):
        rx.receive(float("nan"))
    for kind in (weft.Sender, weft.Receiver):
        with pytest.raises(TypeError, match=r"made by weft\.channel"):
            kind()


# -- closing ------------------------------------------------------------------------


@SIZES
def test_a_closed_channel_is_drained_first(size) -> None:
    tx, rx = filled(size)
    with tx:
        pass
    assert tx.closed and not rx.closed
    with pytest.raises(weft.ChannelClosed, match=r"the sending end of <weft\.channel"):
        tx.send("more")
    assert list(rx) == list(range(size))
    for seconds in (None, 0, 5):
        with pytest.raises(weft.ChannelClosed, match="the sending end"):
            rx.receive(seconds)
    tx.close()


@SIZES
def test_closing_the_sending_end_ends_all_who_wait(size) -> None:
    tx, rx = filled(size)
    other_tx, other_rx = weft.channel(size)
    waiting = [sender(tx, 1), sender(tx, 2, 100), receiver(other_rx), receiver(other_rx, 100)]
    loop = parked(list, other_rx)
    tx.close()
    other_tx.close()
    for task in waiting:
        with pytest.raises(weft.ChannelClosed, match="the sending end"):
            task.result()
    assert loop.result() == []
    assert list(rx) == list(range(size))


@SIZES
def test_closing_the_receiving_end_drops_the_items_and_ends_all_who_wait(size) -> None:
    tx, rx = filled(size)
    other_tx, other_rx = weft.channel(size)
    waiting = [sender(tx, 1), sender(tx, 2, 100), receiver(other_rx)]
    with rx, other_rx:
        pass
    for task in waiting:
        with pytest.raises(weft.ChannelClosed, match="the receiving end"):
            task.result()
    for call in (lambda: tx.send(1), lambda: other_tx.send(1, 0), rx.receive):
        with pytest.raises(weft.ChannelClosed, match="the receiving end"):
            call()
    assert tx.closed and rx.closed and tx.statistics()["items"] == 0
    assert list(rx) == []
    rx.close()
    tx.close()


def test_both_ends_may_be_closed_in_either_order() -> None:
    tx, rx = filled(2)
    tx.close()
    rx.close()
    with pytest.raises(weft.ChannelClosed, match="the receiving end"):
        rx.receive()
    assert tx.statistics()["items"] == 0


# -- destructors, references, reports ---------------------------------------------------


def test_a_destructor_may_send_and_close(unraisable) -> None:
    tx, rx = weft.channel()

    class Last:
        def __del__(self) -> None:
            tx.send("words", 0)
            tx.close()

    task = parked(list, rx)
    last = Last()
    del last
    assert task.result() == ["words"]
    assert unraisable == []


def test_what_is_dropped_may_use_the_channel(unraisable) -> None:
    tx, rx = weft.channel(1)
    seen = []

    class Last:
        def __del__(self) -> None:
            seen.append((tx.closed, tx.statistics()["items"]))

    tx.send(Last())
    rx.close()
    assert seen == [(True, 0)]
    assert unraisable == []


def test_a_channel_that_holds_its_own_ends_is_collected() -> None:
    tx, rx = weft.channel(2)
    tx.send(tx)
    tx.send(rx)
    references = [weakref.ref(tx), weakref.ref(rx)]
    del tx, rx
    gc.collect()
    assert [reference() for reference in references] == [None, None]


def test_the_ends_tell_how_it_stands() -> None:
    tx, rx = filled(1)
    tasks = [sender(tx, 1), sender(tx, 2)]
    assert tx.statistics() == rx.statistics()
    assert tx.statistics() == {"items": 1, "size": 1, "sent": 1, "sending": 2, "receiving": 0}
    assert repr(tx).startswith("<weft.Sender 1 of 1 items, 2 sending, channel at 0x")
    assert repr(rx).startswith("<weft.Receiver 1 of 1 items, 2 sending, channel at 0x")
    rx.close()
    weft.joinall(tasks)
    assert [type(task.exception) for task in tasks] == [weft.ChannelClosed] * 2
    assert "receiving end closed" in repr(tx)
    assert type(weft.Sender[int]) is type(weft.Receiver[int]) is types.GenericAlias
