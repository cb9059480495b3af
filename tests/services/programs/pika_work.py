"""What programs do with pika, one part a word: `pika_work.py basics`, `loops`, `meeting` ..."""

import logging
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pika
from pika.adapters import select_connection
from pika.exceptions import AMQPConnectionError, UnroutableError
from rabbit_parts import (
    OWN,
    URL,
    WORKERS,
    connect,
    os_threads,
    outlive_a_silent_connection,
    seconds,
    side_by_side,
)

logging.getLogger("pika").setLevel(logging.CRITICAL)
PERSISTENT = pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent)


def basics():
    connection = connect()
    channel = connection.channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    print("nothing yet", channel.basic_get(queue))
    for number in range(3):
        channel.basic_publish("", queue, str(number))
    print("got", channel.basic_get(queue, auto_ack=True)[2])
    bodies = []
    for method, _, body in channel.consume(queue, inactivity_timeout=0.05):
        if method is None:
            break
        bodies.append(body)
        channel.basic_ack(method.delivery_tag)
    print("consumed", bodies, "given back", channel.cancel())
    confirms(channel, queue)
    prefetch(connection, queue)
    blob = b"x" * 3_000_000
    channel.basic_publish("", queue, blob, PERSISTENT)
    print("blob", channel.basic_get(queue)[2] == blob)
    connection.close()


def confirms(channel, queue):
    channel.confirm_delivery()
    channel.basic_publish("", queue, b"confirmed", mandatory=True)
    print("confirmed", channel.basic_get(queue, auto_ack=True)[2])
    try:
        channel.basic_publish("", "nowhere", b"", mandatory=True)
    except UnroutableError as error:
        print("unroutable", error.messages[0].method.reply_text)


def prefetch(connection, queue):
    """No more than two at a time are with a consumer that acknowledges none."""
    channel = connection.channel()
    channel.basic_qos(prefetch_count=2)
    unacknowledged = []
    for number in range(5):
        channel.basic_publish("", queue, str(number))
    channel.basic_consume(queue, lambda _channel, method, *_: unacknowledged.append(method))
    while len(unacknowledged) < 2:
        connection.process_data_events(time_limit=None)
    # The answer to this comes after all that was on its way.
    left = channel.queue_declare(queue, passive=True).method.message_count
    connection.process_data_events()
    print("prefetched", len(unacknowledged), "left", left)
    channel.close()
    connection.channel().queue_purge(queue)


def loops():
    """SelectConnections on each poller pass a token around, each loop in a thread of its own."""
    kinds = ["epoll", "poll", "select"]
    ready = threading.Barrier(len(kinds))
    lines = []

    def run(place):
        mine, following = (f"{kind} {OWN}" for kind in (kinds[place], kinds[(place + 1) % 3]))

        def opened(connection):
            connection.channel(on_open_callback=declare)

        def declare(channel):
            channel.queue_declare(
                mine, auto_delete=True, callback=lambda _: consume(channel, channel.connection)
            )

        def consume(channel, connection):
            ready.wait()
            channel.basic_consume(mine, partial(take, connection), auto_ack=True)
            if place == 0:
                channel.basic_publish("", mine, b"0")

        def take(connection, channel, _method, _properties, body):
            rounds = int(body)
            channel.basic_publish("", following, str(rounds + 1).encode())
            if rounds >= 300:
                lines.append(f"{kinds[place]} {type(connection.ioloop._poller).__name__}")
                connection.close()

        select_connection.SELECT_TYPE = kinds[place]
        connection = pika.SelectConnection(pika.URLParameters(URL), on_open_callback=opened)
        connection.add_on_close_callback(lambda *_: connection.ioloop.stop())
        connection.ioloop.start()

    side_by_side(run, len(kinds))
    print(*sorted(lines), sep="\n")


def meeting():
    """Two hundred connections: none is told before all have said that they are there."""
    lobby, news = f"lobby {OWN}", f"news {OWN}"
    host = connect()
    hall = host.channel()
    hall.queue_declare(lobby)
    hall.exchange_declare(news, "fanout", auto_delete=True)
    channels = side_by_side(lambda _: connect().channel(), WORKERS)

    def guest(number):
        channel = channels[number]
        mine = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(mine, news)
        channel.basic_publish("", lobby, str(number))
        told = next(channel.consume(mine, auto_ack=True))[2]
        channel.cancel()
        return told

    with ThreadPoolExecutor(WORKERS) as threads:
        told = threads.map(guest, range(WORKERS))
        guests = {next(hall.consume(lobby))[2] for _ in range(WORKERS)}
        print("threads", os_threads())
        hall.basic_publish(news, "", b"met all")
        print(len(guests), *sorted({each.decode() for each in told}))
    hall.cancel()
    hall.queue_delete(lobby)
    waits = [delayed(channel) for channel in channels]
    alone = seconds(waits[0])
    print("ratio", round(seconds(side_by_side, lambda number: waits[number](), WORKERS) / alone, 2))


def delayed(channel):
    """A function that sends a message which the broker holds back for a while, and waits for it."""
    mine = channel.queue_declare("", exclusive=True).method.queue
    later = {"x-message-ttl": 500, "x-dead-letter-exchange": "",
             "x-dead-letter-routing-key": mine}  # fmt: skip
    holding = channel.queue_declare("", exclusive=True, arguments=later).method.queue

    def wait():
        channel.basic_publish("", holding, b"late")
        next(channel.consume(mine, auto_ack=True))
        channel.cancel()

    return wait


def heartbeats():
    """A consumer at work for longer than two heartbeats, in a task of its own, and one not so."""
    queue = f"beats {OWN}"
    connection = connect(heartbeat=1)
    channel = connection.channel()
    channel.queue_declare(queue, auto_delete=True)
    workers = []

    def work(tag):
        silent = outlive_a_silent_connection()
        try:
            silent.process_data_events()
        except AMQPConnectionError as error:
            print("dropped", type(error).__name__)
        connection.add_callback_threadsafe(partial(done, tag))

    def done(tag):
        channel.basic_ack(tag)
        print("acknowledged, open", connection.is_open)
        channel.stop_consuming()

    def take(_channel, method, _properties, _body):
        print("redelivered", method.redelivered)
        workers.append(threading.Thread(target=work, args=[method.delivery_tag]))
        workers[-1].start()

    channel.basic_publish("", queue, b"job")
    channel.basic_consume(queue, take)
    channel.start_consuming()
    for worker in workers:
        worker.join()
    connection.close()


if __name__ == "__main__":
    globals()[sys.argv[1]]()
