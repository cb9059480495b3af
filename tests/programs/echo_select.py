#!/usr/bin/env python3
# An echo server: select(), one thread, one queue of replies per client.
# usage: echo_select.py PORT
import queue
import select
import socket
import sys

HOST = "127.0.0.1"


def main(argv):
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.setblocking(False)
    server.bind((HOST, int(argv[1])))
    server.listen(50)
    print("listening on", server.getsockname()[1], flush=True)

    inputs = [server]
    outputs = []
    replies = {}  # socket -> Queue
    unsent = {}  # socket -> rest of a reply
    clients = total = 0

    try:
        while inputs:
            readable, writable, exceptional = select.select(inputs, outputs, inputs)

            for s in readable:
                if s is server:
                    conn, addr = s.accept()
                    conn.setblocking(False)
                    inputs.append(conn)
                    replies[conn] = queue.Queue()
                    clients += 1
                    continue
                data = s.recv(4096)
                if data:
                    total += len(data)
                    replies[s].put(data)
                    if s not in outputs:
                        outputs.append(s)
                else:
                    exceptional.append(s)

            for s in writable:
                if s not in replies:
                    continue
                try:
                    reply = unsent.pop(s, None) or replies[s].get_nowait()
                except queue.Empty:
                    outputs.remove(s)
                    continue
                n = s.send(reply)
                if n < len(reply):
                    unsent[s] = reply[n:]

            for s in exceptional:
                if s in replies:
                    inputs.remove(s)
                    if s in outputs:
                        outputs.remove(s)
                    del replies[s]
                    unsent.pop(s, None)
                    s.close()
    except KeyboardInterrupt:
        print("%d clients, %d bytes" % (clients, total))


if __name__ == "__main__":
    main(sys.argv)
