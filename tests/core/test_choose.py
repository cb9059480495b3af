"""choose: one of many operations, exactly one, fair, whatever comes between."""

from collections import Counter
from collections.abc import Iterator
from threading import Thread as OSThread

import pytest

import weft
from weft import lowlevel
from weft._core._event import Event
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


def chooser(*cases: object, seconds: float | None = None) -> weft.Task:
    task = parked(weft.choose, *cases, seconds=seconds)
    assert task.wait_kind == "choose"
    assert all(seen is case for seen, case in zip(task.wait_object, cases, strict=True))
    return task


# -- what is ready -------------------------------------------------------------------


def test_it_does_what_is_ready_and_returns_the_very_object() -> None:
    tx, rx = weft.channel(1)
    items, event, other = weft.Queue(), Event(), weft.Queue(1)
    other.put("full")
    cases = [rx, items, event, tx.sending("sent"), other.putting("put")]
    assert weft.choose(*cases, seconds=0) == (cases[3], None)
    assert weft.choose(*cases[:3], cases[4]) == (rx, "sent")
    items.put(None)
    assert weft.choose(*cases[:3], cases[4]) == (items, None)
    event.set()
    assert weft.choose(*cases[:3], cases[4]) == (event, None)
    event.clear()
    assert other.get() == "full"
    assert weft.choose(*cases[:3], cases[4]) == (cases[4], None)
    assert other.get() == "put"
    with pytest.raises(TimeoutError, match="none of 2 cases could go ahead within 0 s"):
        weft.choose(rx, items, seconds=0)


def test_it_is_fair_among_the_ready() -> None:
    queues = [weft.Queue() for _ in range(4)]
    for items in queues[1:]:
        for number in range(900):
            items.put(number)
    times = Counter(id(weft.choose(*queues)[0]) for _ in range(900))
    assert times[id(queues[0])] == 0
    # A fair one leaves this range once in 10**15 runs.
    assert all(180 < times[id(items)] < 420 for items in queues[1:])


# -- what comes while it waits ----------------------------------------------------------


@pytest.mark.parametrize("which", range(5))
def test_it_waits_for_whichever_comes_first(which) -> None:
    tx, rx = weft.channel()
    other_tx, other_rx = weft.channel()
    items, event, full = weft.Queue(), Event(), weft.Queue(1)
    full.put("first")
    cases = [rx, items, event, other_tx.sending("sent"), full.putting("put")]
    task = chooser(*cases)
    received = [
        lambda: tx.send("a", 0),
        lambda: items.put("b"),
        event.set,
        lambda: other_rx.receive(0),
        lambda: full.get(),
    ][which]()
    assert received == [None, None, None, "sent", "first"][which]
    assert task.result() == (cases[which], ["a", "b", None, None, None][which])
    # Nothing else was done, nor can it be: it waits nowhere any more.
    items.put("c")
    assert items.get_nowait() == "c"
    with pytest.raises(TimeoutError):
        other_rx.receive(0)
    with pytest.raises(TimeoutError):
        tx.send("d", 0)
    assert full.qsize() == 1


def test_exactly_one_is_done_though_many_come_before_it_runs() -> None:
    first, second = weft.Queue(), weft.Queue()
    tx, rx = weft.channel()
    task = chooser(first, second, tx.sending("item"))
    second.put(2)
    first.put(1)
    with pytest.raises(TimeoutError):
        rx.receive(0)
    assert task.result() == (second, 2)
    assert first.get_nowait() == 1 and second.empty()


def test_who_waits_in_line_behind_it_is_served() -> None:
    items, other = weft.Queue(), weft.Queue()
    choosing = chooser(items, other)
    getting = parked(items.get)
    other.put("chosen")
    items.put("got")
    assert choosing.result() == (other, "chosen")
    assert getting.result() == "got"


def test_two_that_choose_meet_in_a_channel_without_a_buffer() -> None:
    tx, rx = weft.channel()
    tasks = [chooser(rx, tx.sending("hello"))]
    tasks.append(weft.spawn(weft.choose, rx, tx.sending("hello")))
    assert sorted(str(task.result()[1]) for task in tasks) == ["None", "hello"]


def test_nobody_meets_himself(clock) -> None:
    tx, rx = weft.channel()
    with pytest.raises(TimeoutError):
        weft.choose(rx, tx.sending("echo"), seconds=5)


def test_a_priority_queue_may_be_chosen() -> None:
    items = weft.PriorityQueue(2)
    items.put(3)
    items.put(1)
    assert weft.choose(items) == (items, 1)
    items.put(2)
    offer, wrong = items.putting(1), items.putting("one")
    task = chooser(offer)
    assert items.get() == 2
    assert task.result() == (offer, None)
    task = chooser(wrong)
    assert items.get() == 1
    with pytest.raises(TypeError):
        task.result()
    items.put(4)
    assert [items.get(), items.get()] == [3, 4]


# -- closing ---------------------------------------------------------------------------------


def test_a_closed_case_counts_as_ready() -> None:
    tx, rx = weft.channel()
    tx.close()
    for case in (rx, tx.sending(1)):
        with pytest.raises(
            weft.ChannelClosed, match=r"the sending end of <weft.channel.0. at .*> is closed"
        ):
            weft.choose(weft.Queue(), case)
    items = weft.Queue()
    items.put("left")
    items.shutdown()
    assert weft.choose(items) == (items, "left")
    for case in (items, items.putting(1)):
        with pytest.raises(weft.ShutDown, match=r"weft\.Queue at .* was shut down"):
            weft.choose(Event(), case)


@pytest.mark.parametrize("which", range(4))
def test_closing_ends_the_wait(which) -> None:
    (tx, rx), (other_tx, other_rx) = weft.channel(), weft.channel()
    items, full = weft.Queue(), weft.Queue(1)
    full.put("full")
    cases = [rx, other_tx.sending(1), items, full.putting(1)]
    task = chooser(Event(), *cases)
    (tx.close, other_rx.close, items.shutdown, full.shutdown)[which]()
    with pytest.raises(weft.ChannelClosed if which < 2 else weft.ShutDown):
        task.result()


# -- timeouts and cancellation ------------------------------------------------------------------


def test_who_timed_out_or_was_cancelled_has_done_nothing(clock) -> None:
    tx, rx = weft.channel()
    items = weft.Queue()
    late = chooser(items, tx.sending("late"), seconds=5)
    cancelled = chooser(items, tx.sending("cancelled"))
    late.join()
    assert isinstance(late.exception, TimeoutError)
    cancelled.cancel()
    items.put(1)
    with pytest.raises(TimeoutError):
        rx.receive(0)
    assert items.get_nowait() == 1
    with pytest.raises(weft.Cancelled):
        cancelled.result()


def test_what_was_done_before_a_cancellation_stays_done() -> None:
    items, event = weft.Queue(), Event()
    steps = []

    def run() -> None:
        steps.append(weft.choose(items, event, seconds=100))
        weft.checkpoint()
        steps.append("never")

    task = parked(run)
    items.put("item")
    task.cancel()
    event.set()
    task.join()
    assert steps == [(items, "item")]


def test_it_need_not_wait_and_delivers_no_cancellation() -> None:
    items = weft.Queue()
    items.put("item")

    def run() -> object:
        weft.current().cancel()
        return weft.choose(items)

    task = weft.spawn(run)
    assert task.result() == (items, "item")


def test_what_it_was_given_comes_back_when_it_is_thrown_into(program) -> None:
    source = """
        import greenlet, os, weft

        items, other = weft.Queue(), weft.Queue()

        def victim():
            try:
                weft.choose(other, items)
            except KeyError:
                print(items.get_nowait(), other.statistics()["getting"], flush=True)
                os._exit(0)

        task = weft.spawn(victim)
        weft.checkpoint()
        items.put("item")
        greenlet.greenlet.throw(task, KeyError("thrown"))
    """
    assert program(source) == "item 0\n"


# -- misuse ------------------------------------------------------------------------------------


def test_errors_say_what_it_takes() -> None:
    tx, rx = weft.channel()
    with pytest.raises(ValueError, match="at least one case"):
        weft.choose()
    with pytest.raises(ValueError, match="the same case twice"):
        weft.choose(rx, weft.Queue(), rx)
    with pytest.raises(TypeError, match=r"cannot wait for <weft\.Sender .*pass sender\.sending"):
        weft.choose(tx)
    with pytest.raises(TypeError, match=r"cannot wait for 5: it takes receiving ends, queues"):
        weft.choose(rx, 5)
    with pytest.raises(TypeError):
        weft.choose(rx, seconds="soon")


def test_unparking_one_that_chooses_is_an_error_there() -> None:
    task = chooser(weft.Queue())
    lowlevel.unpark(task, "value")
    with pytest.raises(weft.TaskError, match="only a case may wake it"):
        task.result()


def test_items_come_from_other_threads(in_thread) -> None:
    items, tx_rx = weft.Queue(), weft.channel(5)
    task = chooser(items, tx_rx[1])
    in_thread(tx_rx[0].send, "far")
    assert task.result() == (tx_rx[1], "far")


@pytest.mark.leaves_tasks
def test_who_can_never_run_again_is_given_nothing(caplog) -> None:
    """Tasks whose thread has ended: one waits in one list, one in two."""
    items, other = weft.Queue(), weft.Queue()
    tx, rx = weft.channel()

    def run() -> None:
        chooser(items, other, tx.sending("lost"))
        parked(items.get)
        parked(tx.send, "lost")

    thread = OSThread(target=run, name="hasty")
    thread.start()
    while thread.is_alive():
        weft.sleep(0.0001)
    items.put("kept")
    with pytest.raises(TimeoutError):
        rx.receive(0)
    assert items.get() == "kept"
    items.shutdown()
    tx.close()
    weft.sleep(0.0001)
    assert "'hasty' ended with 3 unfinished tasks" in caplog.text
