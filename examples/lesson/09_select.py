"""select, with a queue of output for each connection
select，每个连接有自己的输出队列

One thread can serve many sockets without tasks: it asks `select` which of them are ready, and
touches only those. Reading is easy. Writing is the harder half: a client that does not read fills
the kernel's buffers, and a server that insists on sending to it serves nobody else. So what is to
be sent waits in a queue of that connection, and `select` is asked about writing only for
connections whose queue is not empty.

The server is as any textbook has it, and does not know of weft. In weft `select` parks the task
that calls it, not the thread: a whole server with a loop of its own is one task among others.

不用任务，一个线程也能服务许多套接字：先问 `select` 哪些已经就绪，只操作那些。读比较容易，
写才是难的一半：客户端不读数据，内核缓冲区就会写满；服务器若一定要发给它，就无法服务别人。
所以要发送的数据先放进这个连接自己的队列；只有队列不空的连接，才向 `select` 询问能否写。

这个服务器就是教科书里的写法，它不知道 weft。在 weft 里，`select` 停下的是调用它的任务，而不是线程：
一个自带循环的完整服务器，也只是许多任务中的一个。

Run: weft run examples/lesson/09_select.py
"""

import select
import socket
import sys
import threading
import time
from collections import deque

import weft


def serve(listener):
    """Echo whatever the clients send, for ever."""
    listener.setblocking(False)
    readers, writers = [listener], []
    # What is still to be sent, for each connection.
    # 每个连接还没有发出去的数据。
    queues = {}
    while True:
        readable, writable, _ = select.select(readers, writers, [])
        for sock in readable:
            if sock is listener:
                connection, _ = listener.accept()
                connection.setblocking(False)
                readers.append(connection)
                queues[connection] = deque()
                continue
            data = receive(sock)
            if data:
                # Not sent here: perhaps there is no room for it now.
                # 不在这里发送：现在也许没有空间。
                queues[sock].append(data)
                if sock not in writers:
                    writers.append(sock)
            else:
                readers.remove(sock)
                if sock in writers:
                    writers.remove(sock)
                del queues[sock]
                sock.close()
        for sock in writable:
            # It may have been closed a moment ago, by the loop above.
            # 它可能刚刚被上面的循环关闭。
            if sock in queues:
                send_some(sock, queues[sock])
                if not queues[sock]:
                    # Else select would return at once, again and again: there is always room.
                    # 否则 select 会一次又一次立刻返回：因为总有空间可写。
                    writers.remove(sock)


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
        # Reading from it will tell, too, and that closes it.
        # 读它时也会知道，到那时再关闭。
        return
    if sent < len(chunk):
        queue.appendleft(chunk[sent:])


def use_two_sockets(address):
    """Sends much over one socket and does not read it, and talks over the other meanwhile."""
    much = bytes(range(256)) * 32_768
    with socket.create_connection(address) as slow, socket.create_connection(address) as quick:
        slow.sendall(much)
        print(f"slow:  sent {len(much) >> 20} MiB, read nothing of the echo yet")
        for word in ("one baozi", "two baozi", "three baozi"):
            quick.sendall(word.encode())
            print(f"quick: sent {word!r}, received {quick.recv(100).decode()!r}")
        echo = bytearray()
        while len(echo) < len(much):
            echo += slow.recv(65536)
        print(f"slow:  received {len(echo) >> 20} MiB, unchanged: {echo == much}")


def tick(times, threads):
    """Blocking code of another kind."""
    for _ in range(times):
        time.sleep(0.02)
        threads.add(threading.get_native_id())


def show():
    listener = socket.create_server(("127.0.0.1", 0))
    server = weft.spawn(serve, listener)
    address = listener.getsockname()
    print("-- two sockets")
    use_two_sockets(address)

    print("-- beside other tasks")
    threads = {threading.get_native_id()}
    with socket.create_connection(address) as silent:
        # The client says nothing: the server has nothing to do but wait in select.
        # 客户端什么也不说：服务器只能在 select 里等。
        tick(1, threads)
        print(f"the server is {server.state}, its wait is a {server.wait_kind}")
        weft.joinall([weft.spawn(tick, 10, threads) for _ in range(3)])
        print(f"3 tasks ticked 10 times each, in {len(threads)} OS thread")
        silent.sendall(b"hello")
        print(f"the server still serves: {silent.recv(100).decode()!r}")
    # Its loop has no end. A cancelled task ends where it waits.
    # 它的循环没有尽头。取消一个任务，它就在等待的地方结束。
    server.cancel()
    server.join()
    listener.close()
    print(f"the server is {server.state}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", port]:
            serve(socket.create_server(("127.0.0.1", int(port))))
        case ["client", port]:
            use_two_sockets(("127.0.0.1", int(port)))
        case _:
            show()
