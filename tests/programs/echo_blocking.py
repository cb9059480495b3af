#!/usr/bin/env python3
# An echo server: accept, recv and sendall, a thread for each client.
# usage: echo_blocking.py PORT
import socket
import sys
import threading

lock = threading.Lock()
clients = 0
total = 0


def handle(conn, addr):
    global clients, total
    with lock:
        clients += 1
    try:
        while 1:
            data = conn.recv(1024)
            if data == b"":
                break
            with lock:
                total += len(data)
            conn.sendall(data)
    finally:
        conn.close()


def main(argv):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.bind(("", int(argv[1])))
    s.listen(50)
    print("listening on", s.getsockname()[1], flush=True)
    try:
        while 1:
            conn, addr = s.accept()
            t = threading.Thread(target=handle, args=(conn, addr))
            t.daemon = True
            t.start()
    except KeyboardInterrupt:
        print("%i clients, %i bytes" % (clients, total))
    s.close()


if __name__ == "__main__":
    main(sys.argv)
