"""What programs do with kombu and amqp, one part a word: `kombu_work.py basics`, `meeting` ..."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import kombu
from amqp.exceptions import MessageNacked
from kombu.mixins import ConsumerMixin
from kombu.pools import producers
from pika_cut import full_and_free
from rabbit_parts import (
    OWN,
    URL,
    WORKERS,
    connect,
    os_threads,
    outlive_a_silent_connection,
)

CONFIRMS = {"confirm_publish": True}


def basics():
    with kombu.Connection(URL) as connection:
        with connection.SimpleQueue(f"simple {OWN}", queue_opts={"auto_delete": True}) as queue:
            queue.put({"number": 1})
            message = queue.get(timeout=10)
            print("got", message.payload)
            message.ack()
            try:
                queue.get(timeout=0.05)
            except queue.Empty:
                print("nothing yet")
        try:
            connection.drain_events(timeout=0.05)
        except TimeoutError:
            print("no events")
    publish_and_subscribe()
    confirms()


def publish_and_subscribe():
    """A ConsumerMixin hears what comes by the producers' pool."""
    heard = []
    ready = threading.Event()
    exchange = kombu.Exchange(f"weather {OWN}", type="topic", auto_delete=True)
    queue = kombu.Queue("", exchange, "weather.*", exclusive=True)

    class Listener(ConsumerMixin):
        connection = kombu.Connection(URL)

        def get_consumers(self, consumer, channel):
            return [consumer([queue], callbacks=[self.hear], prefetch_count=1)]

        def on_consume_ready(self, *args, **kwargs):
            ready.set()

        def hear(self, body, message):
            heard.append(f"{body['sky']} in {message.delivery_info['routing_key']}")
            message.ack()
            self.should_stop = len(heard) == 3

    listener = threading.Thread(target=Listener().run)
    listener.start()
    ready.wait()
    for place in ("rome", "oslo", "bern"):
        with producers[kombu.Connection(URL)].acquire(block=True) as producer:
            producer.publish({"sky": "sun"}, exchange=exchange, routing_key=f"weather.{place}")
    listener.join()
    print("heard", heard)


def confirms():
    host = connect()
    full, free = full_and_free(host.channel())
    with kombu.Connection(URL, transport_options=CONFIRMS) as connection:
        producer = connection.Producer()
        producer.publish("x", routing_key=free)
        print("confirmed")
        try:
            producer.publish("x", routing_key=full)
        except MessageNacked:
            print("refused")
    host.close()


def meeting():
    """Two hundred connections of a pool: none is told before all have said that they are there."""
    lobby, news = f"lobby {OWN}", kombu.Exchange(f"news {OWN}", "fanout", auto_delete=True)
    place = kombu.Connection(URL)
    pool = place.Pool(WORKERS)

    def guest(number):
        with pool.acquire() as connection:
            queue = kombu.Queue(f"guest {number} {OWN}", news, exclusive=True)
            heard = []
            with connection.Consumer([queue], on_message=heard.append):
                connection.Producer().publish(number, routing_key=lobby)
                while not heard:
                    connection.drain_events(timeout=60)
            return heard[0].body

    with place, place.SimpleQueue(lobby, queue_opts={"auto_delete": True}) as hall:
        news(place.default_channel).declare()
        with ThreadPoolExecutor(WORKERS) as threads:
            told = threads.map(guest, range(WORKERS))
            guests = {hall.get(timeout=60).payload for _ in range(WORKERS)}
            print("threads", os_threads())
            place.Producer().publish("met all", exchange=news.name, routing_key="")
            print(len(guests), *sorted(set(told)))
        with pool.acquire() as again:
            print("reused", again.connected)
    pool.force_close_all()


def heartbeats():
    """A connection is drained in one task, ticks in another, and a third works on its message."""
    queue = f"beats {OWN}"
    done, over = threading.Event(), threading.Event()
    taken = []

    def beat():
        while not over.wait(0.25):
            connection.heartbeat_check()

    def work():
        outlive_a_silent_connection()
        done.set()

    def take(message):
        print("redelivered", message.delivery_info["redelivered"])
        taken.append(message)
        threads.submit(work)

    with (
        kombu.Connection(URL, heartbeat=1) as connection,
        ThreadPoolExecutor(2) as threads,
        connection.Consumer([kombu.Queue(queue, auto_delete=True)], on_message=take),
    ):
        beating = threads.submit(beat)
        connection.Producer().publish("job", routing_key=queue)
        while not done.is_set() and not beating.done():
            with suppress(TimeoutError):
                connection.drain_events(timeout=0.25)
        taken[0].ack()
        left = connection.default_channel.queue_declare(queue, passive=True).message_count
        print("acknowledged, left", left, "connected", connection.connected)
        over.set()
        beating.result()


if __name__ == "__main__":
    globals()[sys.argv[1]]()
