"""Green signal: handlers in tasks of their own, waits for signals that park."""

import os
import signal as stdlib
from collections.abc import Callable, Iterator

import pytest

import weft
from weft import signal

USR1, USR2 = signal.SIGUSR1, signal.SIGUSR2


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Handlers and mask are put back."""
    kept = {each: stdlib.getsignal(each) for each in (USR1, USR2, signal.SIGALRM)}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    for each, handler in kept.items():
        signal.signal(each, signal.SIG_IGN)
        signal.signal(each, handler)


def hit(number: int = USR1) -> None:
    os.kill(os.getpid(), number)


# -- where handlers run ------------------------------------------------------------------------


def test_a_handler_runs_on_the_main_task_while_that_runs() -> None:
    ran: list[weft.Task] = []
    signal.signal(USR1, lambda *_: ran.append(weft.current()))
    hit()
    assert ran == [weft.current()]


def test_a_handler_runs_in_its_own_task_while_another_runs() -> None:
    main, ran = weft.current(), []

    def handler(number: int, frame: object) -> None:
        ran.append(weft.current())
        weft.sleep(0.001)
        ran.append(number)

    def other() -> None:
        hit()
        assert ran == [], "on top of a task that has nothing to do with it"

    signal.signal(USR1, handler)
    task = weft.spawn(other)
    while len(ran) < 2:
        weft.sleep(0.001)
    task.result()
    assert ran[0] not in (main, task)
    assert ran[1] == USR1


def test_what_a_handler_raises_is_raised_in_the_main_task() -> None:
    def handler(number: int, frame: object) -> None:
        raise TimeoutError("alarm")

    signal.signal(signal.SIGALRM, handler)
    busy = weft.spawn(_compute_until_alarm)
    with pytest.raises(TimeoutError, match="alarm"):
        weft.sleep(60)
    assert busy.result() == "not disturbed"


def _compute_until_alarm() -> str:
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    while signal.getitimer(signal.ITIMER_REAL)[0]:
        pass
    return "not disturbed"


def test_a_handler_gets_the_frame_of_the_main_task() -> None:
    frames = []
    signal.signal(USR1, lambda number, frame: frames.append(frame))
    weft.spawn(hit)
    while not frames:
        weft.checkpoint()
    codes = set()
    frame = frames.pop()
    while frame is not None:
        codes.add(frame.f_code.co_name)
        frame = frame.f_back
    assert "test_a_handler_gets_the_frame_of_the_main_task" in codes


def test_a_handler_that_parks_does_not_hold_up_the_next() -> None:
    gate = weft.Event()
    signal.signal(USR1, lambda *_: gate.wait())
    signal.signal(USR2, lambda *_: gate.set())
    task = weft.spawn(lambda: (hit(USR1), hit(USR2)))
    gate.wait()
    task.result()


def test_the_program_sees_what_it_has_set() -> None:
    def first(*_: object) -> None: ...
    def second(*_: object) -> None: ...

    before = stdlib.getsignal(USR1)
    assert signal.signal(USR1, first) is before
    assert signal.getsignal(USR1) is first
    assert signal.signal(USR1, second) is first
    assert signal.signal(USR1, signal.SIG_IGN) is second
    assert signal.signal(USR1, signal.SIG_DFL) is signal.SIG_IGN
    assert signal.getsignal(USR1) is signal.SIG_DFL


def test_ctrl_c_looks_untouched() -> None:
    weft.checkpoint()
    assert signal.getsignal(signal.SIGINT) is stdlib.default_int_handler
    assert signal.signal(USR1, signal.default_int_handler) is not None
    assert signal.getsignal(USR1) is signal.default_int_handler
    weft.spawn(hit)
    with pytest.raises(KeyboardInterrupt):
        weft.sleep(60)


def test_errors_are_the_stdlibs() -> None:
    with pytest.raises(ValueError, match="signal number out of range"):
        signal.signal(4242, lambda *_: None)
    with pytest.raises(TypeError, match="signal handler must be"):
        signal.signal(USR1, None)
    with pytest.raises(ValueError, match="signal number out of range"):
        signal.getsignal(4242)


def test_a_task_blocks_signals_for_itself_alone() -> None:
    """multiprocessing's resource sharer blocks all of them in a thread of its own."""

    def other() -> set[object]:
        signal.pthread_sigmask(signal.SIG_BLOCK, stdlib.valid_signals())
        assert USR1 in signal.pthread_sigmask(signal.SIG_UNBLOCK, [USR2])
        weft.checkpoint()
        return signal.pthread_sigmask(signal.SIG_SETMASK, [])

    ran: list[int] = []
    signal.signal(USR1, lambda number, frame: ran.append(number))
    blocked = weft.spawn(other).result()
    assert (USR1 in blocked, USR2 in blocked) == (True, False)
    assert USR1 not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    hit()
    assert ran == [USR1]
    with pytest.raises(ValueError, match="out of range"):
        weft.spawn(signal.pthread_sigmask, signal.SIG_BLOCK, [1000]).result()


# -- the wakeup descriptor ------------------------------------------------------------------------


def test_the_programs_wakeup_descriptor_gets_each_signal_before_its_handler() -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    got: list[bytes] = []
    signal.signal(USR1, lambda *_: got.append(os.read(reader, 10)))
    assert signal.set_wakeup_fd(writer) == -1
    hit()
    task = weft.spawn(hit)
    while len(got) < 2:
        weft.sleep(0.001)
    task.result()
    assert got == [bytes([USR1])] * 2
    assert signal.set_wakeup_fd(-1) == writer
    assert signal.set_wakeup_fd(-1) == -1
    signal.signal(USR1, lambda *_: got.append(b""))
    hit()
    with pytest.raises(BlockingIOError):
        os.read(reader, 1)
    os.close(reader)
    os.close(writer)


def test_a_wakeup_descriptor_must_not_block() -> None:
    reader, writer = os.pipe()
    with pytest.raises(ValueError, match="must be in non-blocking mode"):
        signal.set_wakeup_fd(writer)
    os.close(writer)
    with pytest.raises(OSError, match="Bad file descriptor"):
        signal.set_wakeup_fd(writer)
    os.close(reader)
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    signal.pause()  # the hub's own is still there


def test_a_full_wakeup_descriptor_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    os.write(writer, bytes(65536))
    told: list[str] = []
    monkeypatch.setattr("sys.unraisablehook", lambda what: told.append(f"{what.err_msg}"))
    signal.signal(USR1, lambda *_: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    hit()
    weft.sleep(0.001)
    assert told == []
    signal.set_wakeup_fd(writer)
    hit()
    weft.sleep(0.001)
    assert told == ["Exception ignored when trying to write to the signal wakeup fd"]
    signal.set_wakeup_fd(-1)
    os.close(reader)
    os.close(writer)


# -- waiting for signals ---------------------------------------------------------------------------


def test_pause_waits_for_the_end_of_a_handler() -> None:
    done: list[str] = []

    def handler(*_: object) -> None:
        weft.sleep(0.001)
        done.append("handled")

    signal.signal(USR1, handler)
    pausing = [weft.spawn(signal.pause) for _ in range(3)]
    weft.spawn(hit)
    signal.pause()
    assert done == ["handled"]
    weft.checkpoint()
    assert all(task.done for task in pausing)


def test_pause_can_be_cancelled() -> None:
    task = weft.spawn(signal.pause)
    weft.checkpoint()
    assert task.wait_kind == "signal"
    task.cancel()
    with pytest.raises(weft.Cancelled):
        task.result()


WAITS: dict[str, Callable[[], int]] = {
    "sigwait": lambda: signal.sigwait([USR1, USR2]),
    "sigwaitinfo": lambda: signal.sigwaitinfo([USR1, USR2]).si_signo,
    "sigtimedwait": lambda: signal.sigtimedwait([USR1, USR2], 60).si_signo,
}


@pytest.mark.parametrize("way", WAITS)
@pytest.mark.parametrize("blocked", [[], [USR1], [USR1, USR2]])
def test_a_signal_is_waited_for_and_taken(way: str, blocked: list[int]) -> None:
    handled: list[int] = []
    signal.signal(USR1, lambda number, frame: handled.append(number))
    signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    for number in (USR1, USR2, USR1):
        task = weft.spawn(WAITS[way])
        weft.sleep(0.001)
        assert task.state == "parked"
        hit(number)
        assert task.result() == number
    assert handled == []
    assert signal.getsignal(USR2) is signal.SIG_DFL
    assert stdlib.getsignal(USR2) is signal.SIG_DFL


def test_a_pending_signal_is_taken_at_once() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, [USR1])
    hit()
    info = signal.sigwaitinfo([USR1])
    assert (info.si_signo, info.si_pid) == (USR1, os.getpid())
    assert signal.sigtimedwait([USR1], 0) is None
    assert signal.sigtimedwait([USR1], 0.001) is None
    with pytest.raises(ValueError, match="must be non-negative"):
        signal.sigtimedwait([USR1], -1)


def test_programs_started_meanwhile_do_not_have_the_signal_blocked() -> None:
    task = weft.spawn(signal.sigwait, [USR1])
    weft.sleep(0.001)
    assert USR1 not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    hit()
    assert task.result() is USR1


def test_a_handler_set_during_a_wait_stays() -> None:
    task = weft.spawn(signal.sigwait, [USR1])
    weft.sleep(0.001)
    handled: list[int] = []
    assert signal.getsignal(USR1) is signal.SIG_DFL
    signal.signal(USR1, lambda number, frame: handled.append(number))
    hit()
    task.result()
    assert handled == []
    hit()
    assert handled == [USR1]
