"""One thread, many sockets: an echo server
一个线程，许多套接字：回声服务器

The server of every textbook: accept a connection, read, send the same back, until the client has
had enough. Written like that, in blocking calls, it can serve one client only, unless each
connection gets something of its own to wait in. An OS thread takes memory, and goes through the
kernel at every switch. A task takes a fraction of both, so each connection gets one, and all of
them wait in a single OS thread.

`weft lesson 06 serve 8007` starts it for others; `weft lesson 06 client 8007` in another terminal
talks to it, line by line (`nc 127.0.0.1 8007` does as well). `weft lesson 06_load` comes with
10,000 clients at once.

每本教科书里都有的服务器：接受一个连接，读，把同样的内容发回去，直到客户端满意为止。
用阻塞调用这样写，它只能服务一个客户端，除非每个连接都有自己可以等待的地方。系统线程要占内存，
每次切换都要经过内核；任务在这两方面都只要几分之一，所以每个连接一个任务，
所有任务都在同一个系统线程里等待。

`weft lesson 06 serve 8007` 启动给别人用的服务器；在另一个终端里，`weft lesson 06 client 8007`
一行一行地和它对话（`nc 127.0.0.1 8007` 也可以）。`weft lesson 06_load` 一次带来一万个客户端。

Run: weft run examples/lesson/06_echo.py
"""

import socket
import sys
import threading

import weft

HOST = "127.0.0.1"
os_threads = set()


# -- the server --------------------------------------------------------------------------------
# -- 服务器 ------------------------------------------------------------------------------------


def echo(connection):
    """Serves one client, for as long as it likes. Every call blocks, but only this task."""
    with connection:
        while data := connection.recv(65536):
            os_threads.add(threading.get_native_id())
            connection.sendall(data)


def serve(listener):
    """Gives each client a task of its own."""
    while True:
        connection, _ = listener.accept()
        weft.spawn(echo, connection)


def listen(port):
    # How many clients may wait to be accepted: ten thousand may come at once.
    # 最多有多少个客户端排队等待 accept：可能一下子来一万个。
    return socket.create_server((HOST, port), backlog=10_000)


# -- a client ----------------------------------------------------------------------------------
# -- 客户端 ------------------------------------------------------------------------------------


def talk(port, lines):
    """Send each line, and yield what comes back."""
    with socket.create_connection((HOST, port)) as connection:
        answers = connection.makefile()
        for line in lines:
            connection.sendall(f"{line}\n".encode())
            yield answers.readline().rstrip("\n")


def chat(port):
    """Between stdin and the server, until stdin ends."""
    # Waiting for the keyboard blocks only this task, too.
    # 等待键盘输入，同样只阻塞这一个任务。
    for answer in talk(port, (line.rstrip("\n") for line in sys.stdin)):
        print(f"the server says: {answer}", flush=True)


# -- by itself ---------------------------------------------------------------------------------
# -- 自己演示 ----------------------------------------------------------------------------------


def demonstrate():
    """Three clients that all stay connected until each has had its say."""
    all_here = weft.Barrier(3)

    def client(name):
        # The first line is answered before anybody goes on: three connections at once.
        # 所有人都得到第一行的回答以后才继续：三个连接同时存在。
        conversation = talk(port, [f"{name} is here", f"{name} leaves"])
        first = next(conversation)
        all_here.wait()
        return [first, *conversation]

    with listen(0) as listener:
        port = listener.getsockname()[1]
        server = weft.spawn(serve, listener)
        for answers in weft.map(client, ["Ann", "Bo", "Cai"]):
            print(" | ".join(answers))
        print(f"OS threads that served them: {len(os_threads)}")
        server.cancel()


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            demonstrate()
        case ["serve", port] if port.isdecimal():
            listener = listen(int(port))
            print(f"listening on {HOST}:{listener.getsockname()[1]}; Ctrl-C ends it", flush=True)
            serve(listener)
        case ["client", port] if port.isdecimal():
            chat(int(port))
        case _:
            sys.exit("usage: weft lesson 06 [serve PORT | client PORT]")
