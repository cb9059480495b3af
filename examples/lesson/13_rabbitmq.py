"""RabbitMQ: work queues, publish and subscribe, topics, RPC
RabbitMQ：工作队列、发布与订阅、主题、RPC

A queue hands each message to one of its consumers, and keeps it until that one has acknowledged it.
An exchange copies each message into all queues bound to it, or into those whose pattern fits. Two
queues, and a number that tells answers apart, make a call to a far function. pika's
`BlockingConnection` waits as blocking code does, and belongs to one task at a time. So each task
here has one of its own, and waits alone.

队列把每条消息交给一个消费者，直到它确认了才删掉。交换机把每条消息复制到所有绑定的队列，
或者只复制到模式匹配的队列。两个队列，加一个用来分清回答的编号，就成了远程函数调用。
pika 的 `BlockingConnection` 像普通阻塞代码那样等待，而且同一时刻只属于一个任务。
所以这里每个任务有自己的连接，各等各的。

Run: weft run examples/lesson/13_rabbitmq.py
Needs: rabbitmq
Packages: pika
"""

import os
import queue
import sys
import threading
from itertools import islice

import pika

import weft

URL = os.environ.get("WEFT_RABBITMQ_URL") or sys.exit(
    "WEFT_RABBITMQ_URL is not set: run this by `weft lesson 13`, which starts a server, or after "
    "`make services`"
)


def connect():
    return pika.BlockingConnection(pika.URLParameters(URL))


def new_queue(channel):
    # Named by the broker, and gone after a minute in which nobody uses it.
    # 由代理起名；一分钟没人用就自动消失。
    return channel.queue_declare("", durable=True, arguments={"x-expires": 60_000}).method.queue


def taken(channel, name):
    # The next is sent when this one is acknowledged: a slow worker is not buried under jobs.
    # 确认了这一条，才会收到下一条：慢的工人不会被工作埋住。
    channel.basic_qos(prefetch_count=1)
    for method, properties, body in channel.consume(name):
        if body == b"stop":
            return
        yield method, properties, body.decode()
        # Another one gets what is not acknowledged. So "stop", which never is, reaches them all.
        # 没有确认的消息会交给另一个。"stop" 从不确认，所以会传到每一个。
        channel.basic_ack(method.delivery_tag)


def worker(name, jobs, done, seconds):
    with connect() as connection, connection.channel() as channel:
        for method, _, job in taken(channel, jobs):
            if name == "Eve":
                print(f"Eve took {job}, and fell over")
                return
            weft.sleep(seconds)
            done.put((name, job, method.redelivered))


def work(channel):
    jobs, done = new_queue(channel), queue.Queue()
    for number in range(20):
        channel.basic_publish("", jobs, f"job {number}")
    weft.spawn(worker, "Eve", jobs, done, 0).join()
    with weft.group() as group:
        group.spawn(worker, "Ann", jobs, done, 0.02)
        group.spawn(worker, "Bo", jobs, done, 0.1)
        results = [done.get() for _ in range(20)]
        channel.basic_publish("", jobs, "stop")
    names = [name for name, _, _ in results]
    print(f"{len({job for _, job, _ in results})} jobs of 20 done, each once")
    print("given out again:", *[job for _, job, again in results if again])
    print(f"Ann, who is quick, did {names.count('Ann')}; Bo, who is slow, did {names.count('Bo')}")
    channel.queue_delete(jobs)


def listen(exchange, pattern, bound):
    with connect() as connection, connection.channel() as channel:
        # A queue for this connection alone, which ends with it.
        # 只属于这个连接的队列，连接断了它也就没了。
        name = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(name, exchange, pattern)
        channel.queue_bind(name, exchange, "stop")
        bound.wait()
        heard = [text for _, _, text in taken(channel, name)]
        return f"{pattern or 'all':12} got {', '.join(heard)}"


def publish(channel, kind, patterns, keys):
    exchange = f"weft-lesson-{kind}"
    channel.exchange_declare(exchange, kind, auto_delete=True)
    # Who is not listening yet will not hear what is published now.
    # 还没有开始听的，就听不到现在发布的消息。
    bound = threading.Barrier(len(patterns) + 1)
    with weft.group() as group:
        listeners = [group.spawn(listen, exchange, pattern, bound) for pattern in patterns]
        bound.wait()
        for key in [*keys, "stop"]:
            channel.basic_publish(exchange, key, key)
    print(*[listener.result() for listener in listeners], sep="\n")


def square(calls):
    with connect() as connection, connection.channel() as channel:
        for _, asked, text in taken(channel, calls):
            number = pika.BasicProperties(correlation_id=asked.correlation_id)
            channel.basic_publish("", asked.reply_to, str(int(text) ** 2), number)


def ask(calls, numbers):
    with connect() as connection, connection.channel() as channel:
        replies = channel.queue_declare("", exclusive=True).method.queue
        for number in numbers:
            to_me = pika.BasicProperties(reply_to=replies, correlation_id=str(number))
            channel.basic_publish("", calls, str(number), to_me)
        # In any order: the number says which question one belongs to.
        # 顺序不定：编号说明它回答的是哪个问题。
        answers = islice(channel.consume(replies, auto_ack=True), len(numbers))
        by_number = {int(properties.correlation_id): int(body) for _, properties, body in answers}
        return [by_number[number] for number in numbers]


def call(channel):
    calls = new_queue(channel)
    with weft.group() as group:
        group.spawn(square, calls)
        group.spawn(square, calls)
        print(*weft.map(lambda n: ask(calls, range(n, n + 4)), [1, 11, 21]), sep="\n")
        channel.basic_publish("", calls, "stop")
    channel.queue_delete(calls)


if __name__ == "__main__":
    with connect() as connection, connection.channel() as channel:
        print("-- a work queue: two workers, and one who falls over")
        work(channel)
        print("-- publish and subscribe: all get everything")
        publish(channel, "fanout", ["", "", ""], ["baozi", "tea"])
        print("-- topics: each gets what its pattern fits")
        publish(channel, "topic", ["baozi.*", "*.hot", "#"], ["baozi.hot", "baozi.cold", "tea.hot"])
        print("-- RPC: three clients, two servers")
        call(channel)
