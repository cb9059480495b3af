"""redis-py on a real Redis, in both ways: right, side by side, whole after cuts, over a crash."""

import subprocess

import pytest


@pytest.mark.usefixtures("redis_server")
class TestWork:
    def test_commands_pipelines_scripts_and_subscriptions(self, run, way) -> None:
        assert run(way, "redis_work.py", "basics") == [
            "transaction [True, 2, '2']",
            "pipeline 1000",
            "script 42",
            "nothing to pop None",
            "popped ('late', 'it')",
            "blob True",
            "news first",
            "news last",
            "nothing yet None None",
            "heard ['0', '1', '2']",
        ]

    def test_asyncio_beside_blocking_code(self, run, way) -> None:
        assert run(way, "redis_work.py", "loops") == ["hello, said asyncio"]

    def test_workers_share_slots_and_count_right(self, run, way) -> None:
        assert run(way, "redis_work.py", "workers") == [
            "own answers True",
            "counters 2000 200 200",
            "slots 20 True",
        ]

    def test_workers_wait_side_by_side(self, run, way) -> None:
        threads, met, ratio = run(way, "redis_work.py", "meeting")
        print(way, ratio)
        assert met == "met all"
        assert int(threads.split()[-1]) <= 3

    def test_each_item_is_popped_once(self, run, way) -> None:
        assert run(way, "redis_work.py", "hand_over") == ["each once True"]


@pytest.mark.usefixtures("redis_server")
class TestCuts:
    def test_timeouts_anywhere_leave_the_pool_whole(self, run, way) -> None:
        """gevent#1875: slots lost from pools."""
        assert run(way, "redis_cut.py", "timeouts") == ["cut True not cut True wrong [] whole True"]

    def test_the_drivers_timeout_and_ours(self, run, way) -> None:
        assert run(way, "redis_cut.py", "own_timeouts") == [
            "redis.exceptions TimeoutError",
            "quick",
            "builtins TimeoutError",
            "quick",
            "whole True",
        ]

    def test_cancelled_in_a_blocking_pop(self, run, way) -> None:
        assert run(way, "redis_cut.py", "cancelled") == ["whole True"]

    def test_a_killed_subscriber_wedges_nothing(self, run, way) -> None:
        """gevent#1929."""
        assert run(way, "redis_cut.py", "killed_pubsub") == ["whole True"]


def test_a_crash_is_the_drivers_error_and_work_goes_on(redis_server, start, finish, way) -> None:
    program = start(way, "redis_cut.py", "outage", stdin=subprocess.PIPE)
    assert program.stdout.readline() == "at work\n"
    redis_server.kill()
    assert program.stdout.readline() == "all failed\n"
    redis_server.start()
    program.stdin.write("go on\n")
    program.stdin.flush()
    assert finish(program) == ["ConnectionError", "once each True 800", "whole True"]
