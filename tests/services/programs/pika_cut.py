"""Calls of pika's cut off in the middle, and what is left then: `pika_cut.py requests` ..."""

import logging
import random
import sys
from concurrent.futures import ThreadPoolExecutor

from pika.exceptions import AMQPChannelError, NackError
from rabbit_parts import OWN, connect, side_by_side

import weft

CUTS = [0, 0.0005, 0.001, 0.002, 10]
WORKERS = 20
logging.getLogger("pika").setLevel(logging.CRITICAL)


def full_and_free(channel):
    """A queue that the broker lets nobody add to, and one that takes everything."""
    full, free = f"full {OWN}", f"free {OWN}"
    arguments = {"x-max-length": 1, "x-overflow": "reject-publish"}
    channel.queue_declare(full, auto_delete=True, arguments=arguments)
    channel.basic_publish("", full, b"the one that fits")
    channel.queue_declare(free, auto_delete=True)
    return full, free


def requests():
    """A channel cut anywhere is closed, or answers the next question: never the one before."""
    connection = connect()
    full, free = full_and_free(connection.channel())
    chance = random.Random(5)
    cut, ended, wrong = [], [], []

    def confirmed(channel, queue):
        try:
            channel.basic_publish("", queue, b"x" * 1000)
        except NackError:
            return full
        return free

    def declared(channel, queue):
        return channel.queue_declare(queue, passive=True).method.queue

    def work(worker):
        connection = connect()
        channel = None
        for _ in range(60):
            if channel is None:
                channel = connection.channel()
                channel.confirm_delivery()
            ask = chance.choice([confirmed, declared])
            limit = weft.move_on_after(chance.choice(CUTS))
            queue = chance.choice([full, free])
            try:
                with limit:
                    answer = ask(channel, queue)
                    wrong.extend([answer] if answer != queue else [])
            except AMQPChannelError:
                ended.append(True)
                channel = None
            cut.append(limit.expired)
        connection.close()

    side_by_side(work, WORKERS)
    connection.close()
    print("cut", any(cut), "not cut", not all(cut), "ended", any(ended), "wrong", wrong)


def consumers():
    """Waiting for messages may be cut at any moment: the channel stays, and each comes once."""
    queue, count = f"cut {OWN}", 2000
    chance = random.Random(5)
    host = connect()
    channel = host.channel()
    channel.queue_declare(queue)
    left = set(range(count))
    cut, bodies = [], []

    def consume(_worker):
        with connect() as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=10)

            def take(channel, method, _properties, body):
                bodies.append((method.redelivered, int(body)))
                left.discard(int(body))
                channel.basic_ack(method.delivery_tag)

            channel.basic_consume(queue, take)
            while left:
                with weft.move_on_after(chance.choice([0, 0.0005, 0.002])) as limit:
                    connection.process_data_events(time_limit=0.05)
                cut.append(limit.expired)

    with ThreadPoolExecutor(WORKERS) as threads:
        jobs = [threads.submit(consume, worker) for worker in range(WORKERS)]
        for number in range(count):
            channel.basic_publish("", queue, str(number))
        for job in jobs:
            job.result()
    channel.queue_delete(queue)
    host.close()
    once = sorted(bodies) == [(False, number) for number in range(count)]
    print("cut", any(cut), "each once", once)


def cancelled():
    """Tasks cancelled as they wait in start_consuming; others cut off as they connect."""
    queue = f"cancelled {OWN}"
    host = connect()
    channel = host.channel()
    channel.queue_declare(queue)
    connections = side_by_side(lambda _: connect(), WORKERS)

    def consume(connection):
        channel = connection.channel()
        channel.basic_consume(queue, lambda *_: None)
        channel.start_consuming()

    with weft.group() as group:
        waiting = [group.spawn(consume, connection) for connection in connections]
        while channel.queue_declare(queue, passive=True).method.consumer_count < WORKERS:
            pass
        for task in waiting:
            task.cancel()
    for number in range(WORKERS):
        with weft.move_on_after(number / 1000):
            connections.append(connect())
    names = [each.channel().queue_declare("", exclusive=True) for each in connections]
    answers = len({each.method.queue for each in names}) == len(connections)
    opened = all(each.is_open for each in connections)
    for connection in connections:
        connection.close()
    left = channel.queue_declare(queue, passive=True).method.consumer_count
    print("open", opened, "answers", answers, "consumers", left)
    channel.queue_delete(queue)
    host.close()


if __name__ == "__main__":
    globals()[sys.argv[1]]()
