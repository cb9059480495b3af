"""What the programs with RabbitMQ share: where it is, work side by side, a reference that dies."""

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pika

URL = os.environ["WEFT_RABBITMQ_URL"]
#: In the names of queues, which the runs of a program must not share.
OWN = os.getpid()
WORKERS = 200


def connect(**options):
    """A connection of pika's."""
    parameters = pika.URLParameters(URL)
    for name, value in options.items():
        setattr(parameters, name, value)
    return pika.BlockingConnection(parameters)


def side_by_side(function, count):
    """What `function(0)` ... return, each called in a thread of its own, all at the same time."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(function, range(count)))


def seconds(function, *words):
    begin = time.perf_counter()
    function(*words)
    return time.perf_counter() - begin


def os_threads():
    """How many this process has."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"^Threads:\s+(\d+)$", status, re.MULTILINE)[1])


def outlive_a_silent_connection():
    """Return when the broker has dropped a connection that sent no heartbeats, one being 1 s.

    What it had not acknowledged goes to somebody else then.
    """
    with connect(heartbeat=0) as patient:
        queue = f"silent {OWN}"
        channel = patient.channel()
        channel.queue_declare(queue)
        channel.basic_publish("", queue, b"it")
        silent = connect(heartbeat=1)
        assert silent.channel().basic_get(queue)[2] == b"it"
        method, _, _ = next(channel.consume(queue))
        assert method.redelivered
        channel.cancel()
        channel.queue_delete(queue)
    return silent
