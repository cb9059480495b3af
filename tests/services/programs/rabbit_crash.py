"""Publishers and consumers through two ends of the broker: `rabbit_crash.py pika`, or `kombu`.

Every message has a number of its own. What the broker confirmed must come to a consumer, and
whatever comes a second time must be flagged. The first end shall be one of the broker's own: a
durable queue declared shortly before a crash may be gone with it.
"""

import itertools
import logging
import os
import socket
import sys
import threading
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import kombu
import pika
from kombu.exceptions import OperationalError
from kombu.mixins import ConsumerMixin
from kombu.pools import producers
from pika.exceptions import AMQPConnectionError, ChannelWrongStateError
from rabbit_parts import OWN, URL, connect

for name in ("pika", "kombu", "amqp"):
    logging.getLogger(name).setLevel(logging.CRITICAL)

PLACE = pika.URLParameters(URL)
ENDS = 2
PUBLISHERS = 5
CONSUMERS = 5
STEPS = 20
QUEUE = f"crash {OWN}"
PERSISTENT = pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent)

numbers = itertools.count()
# What the broker confirmed, and what nobody can know: it was lost before it confirmed.
ledger, doubt = set(), set()
acknowledged = set()
# Each number as often as it came, and as it came without the flag.
deliveries, unflagged = Counter(), Counter()
errors = set()
# All publishers have done something; all have seen an end; the broker is back; all has come.
begun = threading.Barrier(PUBLISHERS + 1)
failed = threading.Barrier(PUBLISHERS + CONSUMERS + 1)
back = [threading.Event() for _ in range(ENDS)]
over = threading.Event()


def gone():
    """Whether nobody listens there."""
    try:
        socket.create_connection((PLACE.host, PLACE.port)).close()
    except OSError:
        return True
    return False


def outlast(error, ends):
    """Return how many ends somebody has seen who saw ``ends`` before this error.

    If it is one, wait until all others have seen it as well, and the broker is back.
    """
    errors.add(type(error).__name__)
    if not gone():
        return ends
    failed.wait()
    back[ends].wait()
    return ends + 1


def record(body, redelivered):
    number = int(body)
    deliveries[number] += 1
    # Not in the order of the broker: the first may be read last, of a connection that is lost.
    unflagged[number] += not redelivered
    return number


class Pika:
    # The second where the connection went while nobody looked; the last, which is not meant to be
    # one, where it goes between pika's looking whether it is there, and whose it is.
    errors = (AMQPConnectionError, ChannelWrongStateError, ValueError)

    def __init__(self):
        self.channel = None
        self.ends = 0

    def send(self, number):
        """Return when the broker has the message."""
        if self.channel is None or not self.channel.is_open:
            self.channel = connect().channel()
            self.channel.confirm_delivery()
        self.channel.basic_publish("", QUEUE, str(number), PERSISTENT)

    def run(self):
        """Consume."""
        while not over.is_set():
            try:
                self.consume(connect().channel())
            except self.errors as error:
                self.ends = outlast(error, self.ends)

    @staticmethod
    def consume(channel):
        channel.basic_qos(prefetch_count=3)
        # A look at `over` now and then.
        for method, _, body in channel.consume(QUEUE, inactivity_timeout=0.2):
            if over.is_set():
                return
            if method:
                number = record(body, method.redelivered)
                channel.basic_ack(method.delivery_tag)
                acknowledged.add(number)


class Kombu(ConsumerMixin):
    connection = kombu.Connection(URL, transport_options={"confirm_publish": True})
    # The last where nobody listens.
    errors = (*connection.connection_errors, *connection.channel_errors, OperationalError)
    pool = producers[connection]

    def __init__(self):
        self.ends = 0

    def send(self, number):
        with self.pool.acquire(block=True) as producer:
            producer.publish(str(number), routing_key=QUEUE, delivery_mode=2)

    @property
    def should_stop(self):
        return over.is_set()

    def get_consumers(self, consumer, channel):
        queue = kombu.Queue(QUEUE, durable=True)
        return [consumer([queue], on_message=self.take, prefetch_count=3)]

    @staticmethod
    def take(message):
        number = record(message.body, message.delivery_info["redelivered"])
        message.ack()
        acknowledged.add(number)

    def consume(self, **options):
        """As often as `run` calls it; `run` logs what goes wrong, and tries again."""
        options["safety_interval"] = 0.2
        try:
            yield from super().consume(**options)
        except self.errors as error:
            self.ends = outlast(error, self.ends)
            raise

    def on_connection_error(self, exc, interval):
        self.ends = outlast(exc, self.ends)


def publish(driver):
    client = driver()

    def send():
        """Return whether it was confirmed."""
        number = next(numbers)
        try:
            client.send(number)
        except driver.errors as error:
            doubt.add(number)
            client.ends = outlast(error, client.ends)
            return False
        ledger.add(number)
        return True

    for end in range(ENDS):
        for step in itertools.count():
            if step == STEPS:
                begun.wait()
            send()
            if client.ends > end:
                break
    for _ in range(STEPS):
        while not send():
            pass


def or_end(function, *words):
    """Call it; what goes wrong there ends the program, of which the others would wait for ever."""
    try:
        function(*words)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def main():
    driver = {"pika": Pika, "kombu": Kombu}[sys.argv[1]]
    connect().channel().queue_declare(QUEUE, durable=True)
    with ThreadPoolExecutor(PUBLISHERS + CONSUMERS) as threads:
        consumers = [threads.submit(or_end, driver().run) for _ in range(CONSUMERS)]
        publishers = [threads.submit(or_end, publish, driver) for _ in range(PUBLISHERS)]
        for end in range(ENDS):
            begun.wait()
            print("at work", flush=True)
            failed.wait()
            print("all failed", flush=True)
            sys.stdin.readline()
            back[end].set()
        for job in publishers:
            job.result()
        left = settle()
        over.set()
        for job in consumers:
            job.result()
    print(*sorted(errors))
    confirmed = len(ledger) >= (ENDS + 1) * PUBLISHERS * STEPS
    print("confirmed", confirmed, "lost", ledger - acknowledged)
    again = {number for number, times in unflagged.items() if times > 1}
    print("made up", set(deliveries) - ledger - doubt, "unflagged", again, "left", left)
    twice = deliveries.total() - len(deliveries)
    kept = len(doubt & set(deliveries))
    print(
        f"{len(ledger)} confirmed, {len(doubt)} in doubt, {kept} of them kept, {twice} came twice"
    )


def settle():
    """Wait until all that was confirmed has been acknowledged; return what the queue has then."""
    with connect() as connection:
        channel = connection.channel()
        while ledger - acknowledged:
            connection.process_data_events(0.05)
        return channel.queue_declare(QUEUE, passive=True).method.message_count


if __name__ == "__main__":
    main()
