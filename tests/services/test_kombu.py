"""amqp and kombu on a real RabbitMQ, in both ways: right, side by side, whole after cuts."""

import pytest

pytestmark = pytest.mark.usefixtures("rabbitmq")


class TestWork:
    def test_queues_mixins_pools_and_confirms(self, run, way) -> None:
        assert run(way, "kombu_work.py", "basics") == [
            "got {'number': 1}",
            "nothing yet",
            "no events",
            "heard ['sun in weather.rome', 'sun in weather.oslo', 'sun in weather.bern']",
            "confirmed",
            "refused",
        ]

    def test_connections_wait_side_by_side(self, run, way) -> None:
        threads, met, reused = run(way, "kombu_work.py", "meeting")
        assert (met, reused) == ("200 met all", "reused True")
        assert int(threads.split()[-1]) <= 2


class TestCuts:
    def test_cuts_anywhere_leave_the_pools_whole(self, run, way) -> None:
        """gevent#1875: slots lost from pools."""
        assert run(way, "kombu_cut.py", "requests") == ["cut True not cut True wrong [] whole True"]

    def test_a_consumer_cut_anywhere_misses_nothing(self, run, way) -> None:
        assert run(way, "kombu_cut.py", "consumers") == ["cut True each once True"]

    def test_cancelled_as_it_waits_for_a_slot_and_for_a_message(self, run, way) -> None:
        assert run(way, "kombu_cut.py", "cancelled") == ["whole True"]
