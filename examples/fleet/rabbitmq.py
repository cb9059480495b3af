"""The queue on RabbitMQ: persistent, confirmed, acknowledged once the result is committed."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from queue import SimpleQueue
from urllib.parse import SplitResult

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError, ConnectionWrongStateError

from fleet.errors import AGAIN, Unavailable, reaching, say_away, say_back, warn
from fleet.jobs import Delivery, Task

QUEUE = "fleet"
PERSISTENT = pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent)


class Broker:
    def __init__(self, url: SplitResult) -> None:
        self._name = f"RabbitMQ at {url.hostname}:{url.port or 5672}"
        self._parameters = pika.URLParameters(url.geturl())
        self._arrived: SimpleQueue[Delivery | None] = SimpleQueue()
        self._channel: BlockingChannel | None = None
        self._listener: threading.Thread | None = None
        self._stopped = self._closed = False

    def put(self, tasks: Iterable[Task]) -> None:
        """Queue tasks; each is on the broker's disk when this returns."""
        channel = self._open()
        with reaching(self._name, AMQPError, OSError), channel.connection:
            channel.confirm_delivery()
            for task in tasks:
                channel.basic_publish("", QUEUE, task.encode(), PERSISTENT, mandatory=True)

    def deliveries(self, limit: int) -> Iterator[Delivery]:
        """Take tasks until :meth:`stop`, at most ``limit`` that are not done with."""
        self._channel = self._open()  # refused now is the caller's error, later it is waited out
        self._listener = threading.Thread(target=self._listen, args=(limit,), daemon=True)
        self._listener.start()
        return self._taken()

    def _taken(self) -> Iterator[Delivery]:
        while delivery := self._arrived.get():
            if self._stopped:
                delivery.give_back()
            else:
                yield delivery

    def stop(self) -> None:
        """Take no more tasks; those that were taken can still be done with."""
        self._stopped = True
        self._ask(self._channel, lambda channel: channel.cancel())

    def close(self) -> None:
        """End the connection; what is not done with is another worker's."""
        self._stopped = self._closed = True
        self._ask(self._channel, lambda channel: channel.connection.close())
        if self._listener:
            self._listener.join()

    def _open(self) -> BlockingChannel:
        with reaching(self._name, AMQPError, OSError):
            channel = pika.BlockingConnection(self._parameters).channel()
            channel.queue_declare(QUEUE, durable=True)
            return channel

    def _listen(self, limit: int) -> None:
        """The connection's own thread: it answers heartbeats however long a command takes."""
        try:
            while not self._stopped:
                try:
                    self._channel = self._channel or self._open()
                    say_back(self._name)
                    with reaching(self._name, AMQPError, OSError):
                        self._consume(self._channel, limit)
                except Unavailable as error:
                    if not self._closed:
                        say_away(error)
                        time.sleep(AGAIN)
                self._channel = None
        finally:
            self._arrived.put(None)

    def _consume(self, channel: BlockingChannel, limit: int) -> None:
        with channel.connection:
            if self._stopped:  # while it was opened, with nobody there to be asked
                return
            channel.basic_qos(prefetch_count=limit)
            for method, _, body in channel.consume(QUEUE):
                try:
                    self._arrived.put(self._delivery(channel, method.delivery_tag, body))
                except (ValueError, TypeError) as error:
                    warn(f"no task of fleet's, dropped: {body[:80]!r} ({error})")
                    channel.basic_reject(method.delivery_tag, requeue=False)
            self._arrived.put(None)
            while self._stopped:  # until closed: what is under way is yet to be acknowledged
                channel.connection.process_data_events(time_limit=None)

    def _delivery(self, channel: BlockingChannel, tag: int, body: bytes) -> Delivery:
        done = partial(self._ask, channel, lambda channel: channel.basic_ack(tag))
        give_back = partial(self._ask, channel, lambda channel: channel.basic_nack(tag))
        return Delivery(Task.decode(body), done, give_back)

    def _ask(
        self, channel: BlockingChannel | None, what: Callable[[BlockingChannel], object]
    ) -> None:
        """Have the connection's thread do something: a channel is no other thread's."""
        try:
            if channel:
                channel.connection.add_callback_threadsafe(partial(what, channel))
        except ConnectionWrongStateError:
            pass  # it is gone, and with it the tag: the task comes again, its result is known
