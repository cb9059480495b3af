"""The event-driven model: a queue and handlers
事件驱动模型：队列和处理函数

Programs with windows, browsers and many servers are built like this: whatever happens becomes an
event in a queue; handlers have said which events they want; a loop takes one event after another
out of the queue and calls its handlers. Keys, timers, sockets and other threads all end up in the
same queue, so nobody asks again and again whether something has happened.

In most such loops a handler that waits stops everything: no event is handled meanwhile. In
`weft.events` each call is a task, so a handler may wait as it likes, and the next event is handled
all the same.

有窗口的程序、浏览器和很多服务器都是这样写的：发生的每件事都变成队列里的一个事件；
处理函数事先说好要哪些事件；一个循环从队列里一个接一个地取出事件，调用它的处理函数。按键、定时器、
套接字、别的线程，最后都进入同一个队列，所以谁也不用反复去问“有没有发生什么”。

在大多数这样的循环里，一个处理函数等待，一切就都停下：这期间没有事件得到处理。在 `weft.events` 里，
每次调用都是一个任务，所以处理函数想等就等，下一个事件照样得到处理。

Run: python examples/lesson/07_events.py
"""

import socket
import threading
from dataclasses import dataclass

import weft
from weft import events


@dataclass
class Event:
    guest: str


class Order(Event):
    """A guest wants baozi."""


class Bill(Event):
    """A guest wants to pay."""


def cook(order):
    print(f"    cook: {order.guest}'s baozi go into the steamer")
    # Waits, and holds up nobody: the bills below are handled meanwhile.
    # 在这里等待，但不耽误任何人：下面的账单在这期间照样处理。
    weft.sleep(0.2)
    print(f"    cook: {order.guest}'s baozi are ready")


def write_down(event):
    print(f"    clerk: {type(event).__name__} of {event.guest}")


def queue_and_handlers():
    loop = events.Loop()
    loop.subscribe(Order, cook)
    # Of every event: Order and Bill are both Events.
    # 所有的事件：Order 和 Bill 都是 Event。
    loop.subscribe(Event, write_down)
    for event in [Order("Ann"), Order("Bo"), Bill("Cai")]:
        print(f"published: {type(event).__name__} of {event.guest}")
        loop.publish(event)
    # Ends the loop once all that is in the queue has been handled.
    # 队列里的事件都处理完以后，循环结束。
    loop.stop()
    print("nothing was handled yet: the loop begins now")
    loop.run()


def timers():
    loop = events.Loop()
    loop.call_later(0.2, lambda: print("    after 0.2 s"))
    loop.call_later(0.1, lambda: print("    after 0.1 s"))
    # What each of these methods returns is a handle that cancels it.
    # 这些方法都返回一个句柄，用来取消。
    never = loop.call_later(0.15, lambda: print("    never"))
    never.cancel()
    loop.call_later(0.3, loop.stop)
    loop.run()


def sockets():
    loop = events.Loop()
    ours, theirs = socket.socketpair()

    def read():
        # Called whenever there is something to read; recv does not wait then.
        # 有东西可读时才调用；这时 recv 不会等待。
        data = ours.recv(5)
        print(f"    readable: {data!r}")
        if not data:
            watch.cancel()
            loop.stop()

    watch = loop.on_readable(ours, read)
    theirs.sendall(b"helloworld")
    theirs.close()
    loop.run()
    ours.close()


def other_threads():
    loop = events.Loop()

    def compute():
        total = sum(range(1_000_000))
        # A real OS thread: only this way may it have something done in the loop's thread.
        # 真正的系统线程：它只能用这种方式让循环所在的线程做事。
        loop.call_soon_threadsafe(lambda: print(f"    the thread computed {total}"))
        loop.stop()

    thread = threading.Thread(target=compute)
    thread.start()
    loop.run()
    thread.join()


if __name__ == "__main__":
    print("-- a queue and handlers")
    queue_and_handlers()
    print("-- timers")
    timers()
    print("-- sockets")
    sockets()
    print("-- other threads")
    other_threads()
