"""epoll, edge-triggered
epoll 的边缘触发

Level-triggered means: reported as long as it is so. What is left unread is reported again.
Edge-triggered (`EPOLLET`) means: reported when it becomes so. Once something has arrived, it is
said once; whoever does not read until the kernel says there is nothing left never hears of the
rest.

In return each socket is registered once, for reading and writing, and never modified: that there
is room to write is said only when there was none before. weft waits for sockets in this way.

水平触发：只要状态成立就报告，没读完的会再次报告。边缘触发（`EPOLLET`）：状态变化时才报告。
数据到达只通知一次；如果没有一直读到内核说没有了，剩下的就再也不会通知。

好处是每个套接字只注册一次，读和写都在内，以后不用修改：只有先前没有空间，后来又有了，才通知可写。
weft 等待套接字用的就是这种方式。

Run: weft run examples/lesson/10_poll_edges.py
"""

import select
import socket
import sys
import threading
import time

import weft

CLIENTS = 100
MESSAGE = bytes(range(250)) * 400
ALL = select.EPOLLIN | select.EPOLLOUT | select.EPOLLET


def reads_of_ten_bytes(flags):
    """Ten bytes arrive; each event reads four. The sizes read, until nothing is reported."""
    here, there = socket.socketpair()
    with here, there, select.epoll() as poller:
        poller.register(there, flags)
        here.send(b"ten baozi!")
        sizes = []
        while poller.poll(0):
            sizes.append(len(there.recv(4)))
        return sizes


def serve(listener):
    """Echo, for ever: at each event, all that can be done without waiting."""
    listener.setblocking(False)
    connections, queues = {}, {}
    with select.epoll() as poller:
        poller.register(listener, select.EPOLLIN | select.EPOLLET)
        while True:
            for fd, _ in poller.poll():
                if fd == listener.fileno():
                    # Many may have come, and there was one event.
                    # 可能来了许多连接，事件却只有一个。
                    for connection, _ in until_nothing_left(listener.accept):
                        connection.setblocking(False)
                        poller.register(connection, ALL)
                        connections[connection.fileno()] = connection
                        queues[connection.fileno()] = bytearray()
                elif not echo(connections[fd], queues[fd]):
                    del queues[fd]
                    connections.pop(fd).close()


def until_nothing_left(call, *words):
    """What ``call`` gives, again and again, until it would have to wait."""
    while True:
        try:
            yield call(*words)
        except BlockingIOError:
            return


def echo(sock, queue):
    """Read all there is, send all there is room for; whether the client is still there."""
    try:
        for data in until_nothing_left(sock.recv, 65536):
            if not data:
                return False
            queue += data
        while queue:
            del queue[: sock.send(queue)]
    except BlockingIOError:
        # No room. There will be an event as soon as there is.
        # 没有空间。一有空间就会有事件。
        pass
    except ConnectionError:
        return False
    return True


def talk(address, everybody, threads):
    """A blocking client: says nothing until all are there, then checks a long echo."""
    with socket.create_connection(address) as sock:
        everybody.wait()
        sock.sendall(MESSAGE)
        answer = b""
        while len(answer) < len(MESSAGE):
            answer += sock.recv(65536)
    threads.add(threading.get_native_id())
    return answer == MESSAGE


def tick(times):
    """Blocking code of another kind."""
    for _ in range(times):
        time.sleep(0.02)
    return times


def show():
    print("-- ten bytes, four read at each event")
    print(f"level-triggered: {reads_of_ten_bytes(select.EPOLLIN)}, and all are read")
    print(f"edge-triggered:  {reads_of_ten_bytes(ALL)}, and six are forgotten")

    print("-- a server, its clients, and another task")
    threads = set()
    everybody = threading.Barrier(CLIENTS + 1)
    with socket.create_server(("127.0.0.1", 0), backlog=CLIENTS) as listener:
        server = weft.spawn(serve, listener)
        address = listener.getsockname()
        clients = [weft.spawn(talk, address, everybody, threads) for _ in range(CLIENTS)]
        print(f"a task ticks {tick(10)} times, while the server waits in poll()")
        everybody.wait()
        ticker = weft.spawn(tick, 10)
        right = sum(task.result() for task in clients)
        print(f"{right} of {CLIENTS} clients at once got their echo")
        print(f"and the task has ticked {ticker.result()} times more")
        print(f"OS threads that ran all this: {len(threads)}")
        server.cancel()
        server.join()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", port]:
            serve(socket.create_server(("127.0.0.1", int(port))))
        case _:
            show()
