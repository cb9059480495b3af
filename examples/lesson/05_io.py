"""I/O switches by itself: urllib, unchanged
I/O 自己切换：不改一行的 urllib

Nobody calls `sleep` or `park` here. This is ordinary blocking code: `urlopen` connects, sends, and
waits for the answer. Under `weft run` the standard library waits in weft's way: a task whose socket
has nothing to read parks, and another one runs. The task goes on when the kernel says that the data
is there.

So ten fetches can go on at once, in one OS thread, without a word of it in the function that
fetches. The web server is the standard library's, too, and runs in the same thread.

这里没有人调用 `sleep` 或 `park`。这是普通的阻塞代码：`urlopen` 建立连接、发送请求、等待回答。在
`weft run` 下，标准库用 weft 的方式等待：套接字上没有数据可读的任务停下来，另一个任务运行；
内核说数据到了，它再继续。

所以十次下载可以同时进行，只用一个系统线程，而下载的函数里一个字也不用改。网页服务器也是标准库的，
就运行在同一个线程里。

Run: weft run examples/lesson/05_io.py
"""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen

import weft

PAGES = 10
SECONDS = 0.2
os_threads = set()


class Server(ThreadingHTTPServer):
    # How many may wait to be accepted. Beyond it the kernel drops them, to be tried again a second
    # later: the standard library's 5 would be too few for ten at once.
    # 最多有多少个连接排队等待 accept。超出的被内核丢弃，一秒后重试：默认的 5 对同时十个来说太少。
    request_queue_size = 100


class Slow(BaseHTTPRequestHandler):
    """Page n is n KiB, and takes a while to come."""

    def do_GET(self):
        # Blocks only this request: under weft run it is a task of its own.
        # 只阻塞这一个请求：在 weft run 下它自己就是一个任务。
        time.sleep(SECONDS)
        os_threads.add(threading.get_native_id())
        body = b"x" * 1024 * int(self.path.strip("/"))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        """Not on the screen."""


def fetch(url):
    """Plain blocking code: nothing in it knows of weft."""
    with urlopen(url) as page:
        return len(page.read())


def one_after_another(urls):
    return [fetch(url) for url in urls]


def all_at_once(urls):
    tasks = [weft.spawn(fetch, url) for url in urls]
    return [task.result() for task in tasks]


def timed(function, urls):
    start = time.perf_counter()
    sizes = function(urls)
    return sizes, time.perf_counter() - start


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Slow)
    # Patched, a thread is a task: this starts no OS thread.
    # 打过补丁以后，线程就是任务：这里没有启动系统线程。
    threading.Thread(target=server.serve_forever, args=(0.05,)).start()
    urls = [f"http://127.0.0.1:{server.server_port}/{n}" for n in range(1, PAGES + 1)]

    sizes, slow = timed(one_after_another, urls)
    print(f"one after another: {sum(sizes)} bytes in {slow:.1f} s")
    sizes_again, fast = timed(all_at_once, urls)
    print(f"all at once:       {sum(sizes_again)} bytes in {fast:.1f} s")
    print(f"{slow / fast:.0f} times as fast, the same bytes: {sizes == sizes_again}")
    for url, size in zip(urls[:3], sizes_again, strict=False):
        print(f"    page {url[-1]}: {size} bytes")
    print(f"OS threads that answered: {len(os_threads)}")
    server.shutdown()
    server.server_close()
