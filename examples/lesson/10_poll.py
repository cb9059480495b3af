"""poll and epoll
poll 与 epoll

`select` is told every socket again at each call, and looks at each of them. A `poll` object
remembers them, but the kernel still looks at all. An `epoll` object lives in the kernel, which
notes what becomes ready when it does: ten thousand silent connections cost a call nothing.

For a server the two are alike: register a socket with the events to be told of, modify them,
unregister it, and go through what `poll()` returns. Here one loop serves with either. Both are
level-triggered: what is not read is reported again. `10_poll_edges` shows the other way.

`select` 每次调用都要重新告诉它所有的套接字，而且每个都要看一遍。`poll` 对象记得它们，但内核仍要看
一遍。`epoll` 对象在内核里，谁就绪，内核当时就记下来：一万个安静的连接，调用时也不花什么代价。

对服务器来说，两者用法一样：注册套接字和想知道的事件，修改事件，取消注册，处理 `poll()` 返回的结果。
这里用同一个循环，两种都能服务。两者都是水平触发：没读完的会再次报告。另一种方式见 `10_poll_edges`。

Run: weft run examples/lesson/10_poll.py
"""

import select
import socket
import sys
import threading
import time
from collections import deque

import weft

CLIENTS = 100
MESSAGE = bytes(range(250)) * 400


def serve(listener, poller):
    """Echo, for ever. POLLIN and EPOLLIN are the same number, POLLOUT and EPOLLOUT too."""
    listener.setblocking(False)
    poller.register(listener, select.POLLIN)
    # The kernel names descriptors. This finds the socket, and what is still to be sent to it.
    # 内核报告的是描述符。用它找到套接字，以及还要发给它的数据。
    connections = {}
    while True:
        for fd, event in poller.poll():
            if fd == listener.fileno():
                connection, _ = listener.accept()
                connection.setblocking(False)
                poller.register(connection, select.POLLIN)
                connections[connection.fileno()] = connection, deque()
                continue
            connection, queue = connections[fd]
            if event & select.POLLOUT:
                send_some(connection, queue)
                if not queue:
                    # Nothing to send: there is always room, so asking would be answered at once.
                    # 没有要发的：总有空间可写，再问就会立刻返回。
                    poller.modify(connection, select.POLLIN)
            # Anything else: data, the end, or an error. Reading tells which.
            # 其余的：数据、结束或者出错。读一下就知道。
            if event & ~select.POLLOUT:
                data = receive(connection)
                if data:
                    queue.append(data)
                    poller.modify(connection, select.POLLIN | select.POLLOUT)
                else:
                    poller.unregister(connection)
                    del connections[fd]
                    connection.close()


def receive(sock):
    """Some bytes; none if the client has gone, politely or not."""
    try:
        return sock.recv(65536)
    except ConnectionError:
        return b""


def send_some(sock, queue):
    """Send the first chunk, or as much of it as there is room for."""
    chunk = queue.popleft()
    try:
        sent = sock.send(chunk)
    except ConnectionError:
        return
    if sent < len(chunk):
        queue.appendleft(chunk[sent:])


def talk(address, everybody, threads):
    """A blocking client: says nothing until all are there, then checks a long echo."""
    with socket.create_connection(address) as sock:
        everybody.wait()
        sock.sendall(MESSAGE)
        echo = b""
        while len(echo) < len(MESSAGE):
            echo += sock.recv(65536)
    threads.add(threading.get_native_id())
    return echo == MESSAGE


def tick(times):
    """Blocking code of another kind."""
    for _ in range(times):
        time.sleep(0.02)
    return times


def show():
    threads, clients, servers = set(), [], []
    # The clients of both servers, and this task.
    # 两个服务器的客户端，加上当前任务。
    everybody = threading.Barrier(2 * CLIENTS + 1)
    for poller in select.poll(), select.epoll():
        listener = socket.create_server(("127.0.0.1", 0), backlog=CLIENTS)
        servers.append(weft.spawn(serve, listener, poller))
        address = listener.getsockname()
        clients += [weft.spawn(talk, address, everybody, threads) for _ in range(CLIENTS)]
    print(f"a task ticks {tick(10)} times, while {len(servers)} servers wait in poll()")
    everybody.wait()
    ticker = weft.spawn(tick, 10)
    right = [task.result() for task in clients]
    for name, answers in ("poll", right[:CLIENTS]), ("epoll", right[CLIENTS:]):
        print(f"{name + ':':6} {sum(answers)} of {CLIENTS} clients at once got their echo")
    print(f"and the task has ticked {ticker.result()} times more")
    print(f"OS threads that ran all this: {len(threads)}")
    for server in servers:
        server.cancel()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", port]:
            serve(socket.create_server(("127.0.0.1", int(port))), select.epoll())
        case _:
            show()
