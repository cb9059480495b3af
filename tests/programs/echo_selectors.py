#!/usr/bin/env python3
# An echo server: the selectors module, a callback for each socket.
# usage: echo_selectors.py PORT
import collections
import selectors
import socket
import sys


class EchoServer:
    def __init__(self, host, port):
        self.sel = selectors.DefaultSelector()
        self.stats = collections.Counter()
        self.lsock = socket.socket()
        self.lsock.bind((host, port))
        self.lsock.listen(50)
        self.lsock.setblocking(False)
        self.sel.register(self.lsock, selectors.EVENT_READ, self.on_accept)

    def on_accept(self, sock, mask):
        conn, peer = sock.accept()
        conn.setblocking(False)
        pending = bytearray()

        def on_event(conn, mask):
            if mask & selectors.EVENT_READ:
                chunk = conn.recv(1024)
                if not chunk:
                    self.sel.unregister(conn)
                    conn.close()
                    return
                self.stats["bytes"] += len(chunk)
                pending.extend(chunk)
            if mask & selectors.EVENT_WRITE:
                done = conn.send(pending)
                del pending[:done]
            wanted = selectors.EVENT_READ
            if pending:
                wanted |= selectors.EVENT_WRITE
            self.sel.modify(conn, wanted, on_event)

        self.sel.register(conn, selectors.EVENT_READ, on_event)
        self.stats["clients"] += 1

    def run_forever(self):
        while True:
            for key, mask in self.sel.select(timeout=1.5):
                callback = key.data
                callback(key.fileobj, mask)


def main(argv):
    app = EchoServer("localhost", int(argv[1]))
    print("listening on", app.lsock.getsockname()[1], flush=True)
    try:
        app.run_forever()
    except KeyboardInterrupt:
        print("{clients} clients, {bytes} bytes".format(**app.stats))
    finally:
        app.sel.close()


if __name__ == "__main__":
    main(sys.argv)
