"""Calls of amqp and kombu cut off in the middle, and what is left: `kombu_cut.py requests` ..."""

import random
import sys
from concurrent.futures import ThreadPoolExecutor

import kombu
from amqp.exceptions import MessageNacked
from kombu.pools import ProducerPool
from pika_cut import CUTS, WORKERS, full_and_free
from rabbit_parts import OWN, URL, connect, side_by_side

import weft

SLOTS = 5
BIG = b"x" * 300_000
CONFIRMS = {"confirm_publish": True}


def requests():
    """A connection of a pool, cut anywhere, answers the next question, not the one before."""
    connection = connect()
    full, free = full_and_free(connection.channel())
    chance = random.Random(5)
    pool = kombu.Connection(URL, transport_options=CONFIRMS).Pool(SLOTS)
    producers = ProducerPool(pool, limit=2 * SLOTS)
    cut, wrong = [], []

    def confirmed(queue):
        with producers.acquire(block=True) as producer:
            try:
                producer.publish(BIG, routing_key=queue)
            except MessageNacked:
                return full
            return free

    def declared(queue):
        with pool.acquire(block=True) as connection:
            return connection.default_channel.queue_declare(queue, passive=True).queue

    def work(worker):
        for _ in range(40):
            limit = weft.move_on_after(chance.choice(CUTS))
            queue = chance.choice([full, free])
            with limit:
                answer = chance.choice([confirmed, declared])(queue)
                wrong.extend([(queue, answer)] if answer != queue else [])
            cut.append(limit.expired)

    side_by_side(work, WORKERS)
    print("cut", any(cut), "not cut", not all(cut), "wrong", wrong, "whole", is_whole(pool))
    connection.close()


def consumers():
    """drain_events may be cut at any moment, within a frame too, but for an acknowledgement."""
    queue, count = f"cut {OWN}", 300
    chance = random.Random(5)
    left = set(range(count))
    cut, numbers = [], []
    host = connect()
    channel = host.channel()
    channel.queue_declare(queue)

    def consume(_worker):
        def take(message):
            number = int(message.body[:8])
            numbers.append((message.delivery_info["redelivered"], number))
            left.discard(number)
            with weft.shield():
                message.ack()

        with kombu.Connection(URL) as connection:
            queues = [kombu.Queue(queue, no_declare=True)]
            with connection.Consumer(queues, on_message=take, prefetch_count=5):
                while left:
                    with weft.move_on_after(chance.choice([0, 0.0005, 0.002])) as limit:
                        connection.drain_events()
                    cut.append(limit.expired)

    with ThreadPoolExecutor(WORKERS) as threads:
        jobs = [threads.submit(consume, worker) for worker in range(WORKERS)]
        for number in range(count):
            channel.basic_publish("", queue, b"%8d" % number + BIG)
        for job in jobs:
            job.result()
    channel.queue_delete(queue)
    host.close()
    once = sorted(numbers) == [(False, number) for number in range(count)]
    print("cut", any(cut), "each once", once)


def cancelled():
    """Tasks cancelled as they wait for a message, or for a connection of the pool."""
    pool = kombu.Connection(URL).Pool(SLOTS)
    waiting = f"waiting {OWN}"
    host = connect()
    channel = host.channel()
    channel.queue_declare(waiting, durable=True)

    def work():
        with pool.acquire(block=True) as connection, connection.SimpleQueue(waiting) as queue:
            queue.get()

    with weft.group() as group:
        tasks = [group.spawn(work) for _ in range(3 * SLOTS)]
        while channel.queue_declare(waiting, passive=True).method.consumer_count < SLOTS:
            pass
        for task in tasks:
            task.cancel()
    print("whole", is_whole(pool))
    channel.queue_delete(waiting)
    host.close()


def is_whole(pool):
    """Whether every slot can be had, once each, and each connection answers its own question."""
    taken = [pool.acquire() for _ in range(SLOTS)]
    queues = [f"slot {slot} {OWN}" for slot in range(SLOTS)]
    answers = [
        each.default_channel.queue_declare(queue, exclusive=True).queue
        for each, queue in zip(taken, queues, strict=True)
    ]
    try:
        pool.acquire()
    except kombu.exceptions.LimitExceeded:
        distinct = len(set(map(id, taken))) == SLOTS
        return distinct and answers == queues
    finally:
        for connection in taken:
            connection.release()
    return False


if __name__ == "__main__":
    globals()[sys.argv[1]]()
