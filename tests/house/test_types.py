"""What a type checker makes of a user's program: ``make check`` reads this, the tests run it."""

import math
from typing import Any, assert_type

import weft
from weft._core._waits import Selectable


def text_of(n: int) -> str:
    return str(n)


def test_a_block_that_lets_exceptions_out_needs_no_return_after_it() -> None:
    def within() -> int:
        with weft.timeout(1):
            return 1

    def before() -> int:
        with weft.timeout_at(weft.now() + 1), weft.shield():
            return 2

    def perhaps() -> int | None:
        with weft.move_on_after(1) as limit:
            return 3
        assert_type(limit.expired, bool)
        return None

    assert (within(), before(), perhaps()) == (1, 2, 3)


def test_a_deadline_of_either_kind_is_a_timeout() -> None:
    limits: list[weft.Timeout] = [weft.timeout(1), weft.timeout_at(2), weft.move_on_after(3)]
    assert all(limit.deadline for limit in limits)


def test_choose_takes_events_queues_and_ends_of_channels() -> None:
    words: weft.Queue[str] = weft.Queue()
    numbers_in: weft.Sender[int]
    numbers_out: weft.Receiver[int]
    numbers_in, numbers_out = weft.channel(1)
    stop = weft.Event()
    chosen = weft.choose(numbers_out, numbers_in.sending(1), stop, words, seconds=1)
    assert_type(chosen, tuple[Selectable, Any])
    assert_type(numbers_out.receive(), int)


def test_results_have_the_type_that_the_function_returns() -> None:
    with weft.group() as group:
        assert_type(group.spawn(text_of, 1), weft.Task[str])
    assert_type(weft.spawn(text_of, 1).result(), str)
    assert_type(weft.gather(lambda: text_of(1), lambda: text_of(2)), list[str])
    assert_type(weft.first(lambda: text_of(1)), str)
    assert_type(list(weft.map(text_of, [1])), list[str])
    assert_type(list(weft.map(text_of, [1], errors="return")), list[str | Exception])
    assert_type(weft.offload(text_of, 1), str)
    assert_type(weft.Pool(1).spawn(text_of, 1).result(), str)
    assert_type(list(weft.parallel_map(math.isqrt, [16])), list[int])


def test_a_class_that_has_a_type_of_its_own_can_say_so_in_an_annotation() -> None:
    def start(limit: weft.Timeout[bool]) -> weft.Task[str]:  # evaluated here
        return weft.spawn(text_of, 1)

    with weft.move_on_after(1) as limit:
        assert start(limit).result() == "1"


def test_modules_need_no_import_of_their_own() -> None:
    def echo(sock: weft.socket.socket, address: object) -> None: ...

    server = weft.spawn(weft.serve_tcp, echo, ("127.0.0.1", 0))
    weft.checkpoint()
    server.cancel()
    assert_type(weft.inspect.report(), str)
    assert_type(weft.patch.is_patched("socket"), bool)
    with weft.testing.virtual_time() as clock:
        assert_type(clock.now(), float)
