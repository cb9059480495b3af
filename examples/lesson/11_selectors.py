"""selectors, with callbacks
selectors 与回调

`selectors` takes the best the system has, epoll on Linux, and keeps data of ours with each socket.
Let that be a function to call, and the loop of the server shrinks to two lines.

What it does is harder to read: a conversation of a few lines is cut into callbacks, each of which
must say what comes next. Below is a shop in callbacks, and its clients in blocking code. Neither
holds up the other, nor a web page that is slow to come.

`selectors` 模块选用系统里最好的机制（Linux 上是 epoll），并为每个套接字保存程序自己的一份数据。
如果这份数据就是要调用的函数，服务器的循环就只剩两行。

但它做的事更难读懂：本来几行阻塞代码就能写完的对话，被切成一个个回调，每个都要说明下一步是什么。
下面是用回调写的店铺，和用阻塞代码写的顾客。两边都在等待，谁也不耽误谁，也不耽误一个很慢的网页。

Run: weft run examples/lesson/11_selectors.py
"""

import selectors
import socket
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import weft

selector = selectors.DefaultSelector()


def serve(listener):
    """Sell baozi, for ever: call what was registered with each socket that is ready."""
    listener.setblocking(False)
    selector.register(listener, selectors.EVENT_READ, lambda: Guest(listener.accept()[0]))
    while True:
        for key, _ in selector.select():
            key.data()


class Guest:
    """One connection: asks for a name, then for orders, until the guest leaves."""

    def __init__(self, sock):
        self.sock = sock
        self.incoming = self.outgoing = b""
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_WRITE, self.write)
        self.say("your name?", then=self.greet)

    def say(self, text, then):
        """Send ``text``; ``then`` is what to call with the answer."""
        self.outgoing, self.then = text.encode() + b"\n", then
        selector.modify(self.sock, selectors.EVENT_WRITE, self.write)

    def write(self):
        """Callback: there is room to send."""
        try:
            self.outgoing = self.outgoing[self.sock.send(self.outgoing) :]
        except ConnectionError:
            self.leave()
            return
        if not self.outgoing:
            selector.modify(self.sock, selectors.EVENT_READ, self.read)
            # The answer may have come already, with the line before it.
            # 回答可能已经随着上一行一起到了。
            self.take_line()

    def read(self):
        """Callback: there is something to read, or the guest has left."""
        try:
            data = self.sock.recv(1024)
        except ConnectionError:
            data = b""
        self.incoming += data
        self.take_line() if data else self.leave()

    def leave(self):
        selector.unregister(self.sock)
        self.sock.close()

    def take_line(self):
        if b"\n" in self.incoming:
            line, _, self.incoming = self.incoming.partition(b"\n")
            self.then(line.decode())

    def greet(self, name):
        self.name = name
        self.say(f"hello {name}, how many baozi?", then=self.sell)

    def sell(self, number):
        self.say(f"here are {number} for {self.name}; more?", then=self.sell)


def shop(address, name, orders):
    """The same conversation, seen from the other side, in blocking code."""
    heard = []
    with socket.create_connection(address) as sock, sock.makefile("rw") as lines:
        for answer in (name, *orders):
            heard.append(lines.readline().strip())
            print(answer, file=lines, flush=True)
        heard.append(lines.readline().strip())
    return heard


class SlowPage(BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(0.3)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"baozi " * 1000)

    def log_message(self, *words):
        pass


def fetch(url):
    with urllib.request.urlopen(url) as answer:
        return len(answer.read())


def show():
    listener = socket.create_server(("127.0.0.1", 0))
    server = weft.spawn(serve, listener)
    address = listener.getsockname()
    print("-- two guests at once")
    guests = weft.map(lambda guest: shop(address, *guest), [("Ann", [2, 1]), ("Bo", [12])])
    for heard in guests:
        print("\n".join(heard))

    print("-- beside web pages")
    with ThreadingHTTPServer(("127.0.0.1", 0), SlowPage) as web:
        weft.spawn(web.serve_forever)
        url = f"http://127.0.0.1:{web.server_port}/"
        pages = [weft.spawn(fetch, url) for _ in range(5)]
        print(shop(address, "Cy", [3])[-1])
        on_their_way = sum(not page.done for page in pages)
        print(f"pages still on their way then: {on_their_way} of {len(pages)}")
        print(f"bytes of all pages: {sum(page.result() for page in pages)}")
        web.shutdown()
    server.cancel()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", port]:
            serve(socket.create_server(("127.0.0.1", int(port))))
        case _:
            show()
