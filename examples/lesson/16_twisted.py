"""Twisted beside blocking code
Twisted 与阻塞代码并存

Twisted has its own loop, the reactor: it waits for everything, and calls protocols when something
comes. Nobody may block there: a reactor that waits in `time.sleep` serves nobody. So blocking code
had to stay outside, or to be written anew with Deferreds.

On weft the reactor is a task. It waits in epoll, which parks it, and beside it blocking tasks go
on. Both sides talk as Twisted has always let threads talk to it: `callFromThread`,
`blockingCallFromThread`, `deferToThread`. The threads are tasks here, and cost as little.

Twisted 有自己的循环，叫 reactor：它等待一切，有事时调用协议对象。那里谁也不许阻塞：
reactor 若停在 `time.sleep` 里，就谁也服务不了。所以阻塞代码只能放在外面，或者用 Deferred 重写。

在 weft 里，reactor 是一个任务。它在 epoll 里等待，停下的是这个任务，旁边的阻塞任务继续运行。
双方沿用 Twisted 一直提供给线程的办法交谈：`callFromThread`、`blockingCallFromThread`、
`deferToThread`。这里的线程就是任务，代价同样很小。

Run: weft run examples/lesson/16_twisted.py
Packages: twisted
"""

import socket
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import blockingCallFromThread, deferToThread
from twisted.protocols.basic import LineReceiver
from twisted.web.client import Agent, readBody

import weft

threads = set()


class Echo(Protocol):
    """A server of Twisted's: what comes goes back."""

    def dataReceived(self, data):
        threads.add(threading.get_native_id())
        self.transport.write(data)


class Shop(LineReceiver):
    """Another one, of lines: it adds up what is ordered."""

    delimiter = b"\n"
    total = 0

    def connectionMade(self):
        self.sendLine(b"how many baozi?")

    def lineReceived(self, line):
        self.total += int(line)
        self.sendLine(b"%d more make %d" % (int(line), self.total))


def fetch_pages(url, number):
    """The web client of Twisted's: a Deferred with the sizes of so many pages."""
    agent = Agent(reactor)
    answers = [agent.request(b"GET", url.encode()) for _ in range(number)]
    sizes = [answer.addCallback(readBody).addCallback(len) for answer in answers]
    return gatherResults(sizes, consumeErrors=True)


def listen(protocol, port=0):
    server = reactor.listenTCP(port, Factory.forProtocol(protocol), interface="127.0.0.1")
    return server.getHost().port


def shout(port, word):
    """A blocking client of the echo server."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(word.encode())
        time.sleep(0.1)
        return sock.recv(100).decode()


def order(port, numbers):
    """A blocking client of the shop; what it was told."""
    with socket.create_connection(("127.0.0.1", port)) as sock, sock.makefile("rw") as lines:
        for number in numbers:
            lines.readline()
            print(number, file=lines, flush=True)
        return lines.readline().strip()


class SlowPage(BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(0.3)
        threads.add(threading.get_native_id())
        self.send_response(200)
        self.send_header("Content-Length", "6000")
        self.end_headers()
        self.wfile.write(b"baozi " * 1000)

    def log_message(self, *words):
        pass


def fetch(url):
    with urllib.request.urlopen(url) as answer:
        return len(answer.read())


def show():
    print("-- servers of Twisted's, blocking clients")
    echo, shop = listen(Echo), listen(Shop)
    print(*weft.map(lambda word: shout(echo, word), ["steamed", "baozi", "for", "all"]))
    print(*weft.map(lambda numbers: order(shop, numbers), [[1, 2], [3, 4, 5]]), sep="\n")

    print("-- a blocking server, clients of both kinds")
    with ThreadingHTTPServer(("127.0.0.1", 0), SlowPage) as web:
        weft.spawn(web.serve_forever)
        url = f"http://127.0.0.1:{web.server_port}/"
        blocking = weft.spawn(fetch, url)
        start = time.perf_counter()
        # This task waits for the Deferred; the reactor does not wait for this task.
        # 当前任务等待这个 Deferred；reactor 并不等待当前任务。
        sizes = blockingCallFromThread(reactor, fetch_pages, url, 4)
        at_once = 5 * 0.3 / (time.perf_counter() - start)
        print(f"Twisted: {sizes}, urllib: {blocking.result()}, {at_once:.0f} times as fast")
        # And the other way round: a Deferred for what blocking code will return.
        # 反过来：阻塞代码的返回值，变成一个 Deferred。
        print("deferToThread:", blockingCallFromThread(reactor, deferToThread, fetch, url))
        web.shutdown()
    print(f"OS threads that ran all this: {len(threads)}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", port]:
            listen(Shop, int(port))
            reactor.run()
        case _:
            loop = weft.spawn(reactor.run, installSignalHandlers=False)
            try:
                show()
            finally:
                # Not by cancelling its task: the reactor logs what is raised in it, and goes on.
                # 不能靠取消任务：reactor 只把内部抛出的异常记进日志，然后继续运行。
                reactor.callFromThread(reactor.stop)
                loop.join()
