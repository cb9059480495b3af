"""Chapter 13 on a real RabbitMQ: who gets a message, and what becomes of one not acknowledged."""

import re
from pathlib import Path

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker

CHAPTER = Path(__file__).parents[2] / "examples" / "lesson" / "13_rabbitmq.py"


def test_queues_topics_and_rpc(way, run, rabbitmq) -> None:
    lines = run(way, CHAPTER)
    taken, done, again, shares = lines[1:5]
    assert done == "20 jobs of 20 done, each once"
    lost = re.fullmatch(r"Eve took (job \d+), and fell over", taken)[1]
    assert again == f"given out again: {lost}"
    quick, slow = map(int, re.findall(r"did (\d+)", shares))
    assert quick + slow == 20
    # A job at a time to each: the one who takes five times as long has far fewer.
    assert 1 <= slow < 10
    assert lines[6:9] == ["all          got baozi, tea"] * 3
    assert lines[10:13] == [
        "baozi.*      got baozi.hot, baozi.cold",
        "*.hot        got baozi.hot, tea.hot",
        "#            got baozi.hot, baozi.cold, tea.hot",
    ]
    squares = [[n * n for n in range(first, first + 4)] for first in (1, 11, 21)]
    assert lines[14:] == [str(each) for each in squares]
    for kind in ("fanout", "topic"):
        check_gone(rabbitmq.url, f"weft-lesson-{kind}")


def check_gone(url: str, exchange: str) -> None:
    """Fail if the broker still has an exchange of that name."""
    with (
        pika.BlockingConnection(pika.URLParameters(url)) as connection,
        pytest.raises(ChannelClosedByBroker, match="404"),
    ):
        connection.channel().exchange_declare(exchange, passive=True)
