"""pika on a real RabbitMQ, in both ways: right, side by side, in step after cuts, heard of."""

import pytest

pytestmark = pytest.mark.usefixtures("rabbitmq")


class TestWork:
    def test_gets_consumers_confirms_and_prefetch(self, run, way) -> None:
        assert run(way, "pika_work.py", "basics") == [
            "nothing yet (None, None, None)",
            "got b'0'",
            "consumed [b'1', b'2'] given back 0",
            "confirmed b'confirmed'",
            "unroutable NO_ROUTE",
            "prefetched 2 left 3",
            "blob True",
        ]

    def test_loops_on_each_poller_are_cooperative(self, run, way) -> None:
        """gevent#1577: pika got on only once `select.epoll` was taken away."""
        assert run(way, "pika_work.py", "loops") == [
            "epoll EPollPoller",
            "poll PollPoller",
            "select SelectPoller",
        ]

    def test_connections_wait_side_by_side(self, run, way) -> None:
        threads, met, ratio = run(way, "pika_work.py", "meeting")
        print(way, ratio)
        assert met == "200 met all"
        assert int(threads.split()[-1]) <= 2


class TestCuts:
    def test_a_channel_cut_in_a_request_gives_nobody_anothers_answer(self, run, way) -> None:
        assert run(way, "pika_cut.py", "requests") == ["cut True not cut True ended True wrong []"]

    def test_a_consumer_cut_anywhere_misses_nothing_and_keeps_its_channel(self, run, way) -> None:
        assert run(way, "pika_cut.py", "consumers") == ["cut True each once True"]

    def test_cancelled_as_it_connects_and_as_it_waits(self, run, way) -> None:
        assert run(way, "pika_cut.py", "cancelled") == ["open True answers True consumers 0"]
