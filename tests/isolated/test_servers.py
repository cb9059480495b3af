"""The stdlib's servers in a patched program: two clients at once, each in one OS thread's tasks.

The servers need no patch of their own: they stand on sockets, selectors and threads. Each handler
here waits until both clients have come, so a server that took them one by one would not end.
"""

import pytest

# ``meet`` is what a handler calls: it returns when both have called it.
MEET = """
import http.server, socketserver, threading, urllib.request, wsgiref.simple_server
import xmlrpc.client, xmlrpc.server
from http.client import HTTPConnection

both, os_threads = threading.Barrier(2), set()

def meet():
    os_threads.add(threading.get_native_id())
    both.wait()

def in_threads(*calls):
    results = [None] * len(calls)
    def run(index):
        results[index] = calls[index]()
    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results

def serve(server):
    threading.Thread(target=server.serve_forever).start()
    return server.server_address[1]

def get(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
        return answer.status, answer.read()

def end(server):
    server.shutdown()
    server.server_close()
    print(os_threads == {threading.get_native_id()})
"""

SERVERS = {
    "http.server": """
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                meet()
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"hi")
            def log_message(self, *words):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        port = serve(server)
        print(in_threads(lambda: get(port), lambda: get(port)))
        end(server)
    """,
    "socketserver": """
        import socket

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                line = self.rfile.readline()
                meet()
                self.wfile.write(line.upper())

        class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
            pass

        def ask():
            with socket.create_connection(("127.0.0.1", port)) as sock:
                sock.sendall(b"hi\\n")
                return 200, sock.makefile("rb").readline().strip().lower()

        server = Server(("127.0.0.1", 0), Handler)
        port = serve(server)
        print(in_threads(ask, ask))
        end(server)
    """,
    "xmlrpc": """
        class Server(socketserver.ThreadingMixIn, xmlrpc.server.SimpleXMLRPCServer):
            pass

        def greet():
            meet()
            return xmlrpc.client.Binary(b"hi")

        def call():
            with xmlrpc.client.ServerProxy(f"http://127.0.0.1:{port}") as proxy:
                return 200, proxy.greet().data

        server = Server(("127.0.0.1", 0), logRequests=False)
        server.register_function(greet)
        port = serve(server)
        print(in_threads(call, call))
        end(server)
    """,
    "wsgiref": """
        class Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
            pass

        class Handler(wsgiref.simple_server.WSGIRequestHandler):
            def log_message(self, *words):
                pass

        def application(environ, start_response):
            meet()
            start_response("200 OK", [("Content-Length", "2")])
            return [b"hi"]

        server = wsgiref.simple_server.make_server(
            "127.0.0.1", 0, application, server_class=Server, handler_class=Handler)
        port = serve(server)
        print(in_threads(lambda: get(port), lambda: get(port)))
        end(server)
    """,
}


@pytest.mark.parametrize("server", SERVERS)
def test_two_clients_are_served_at_once(server, patched) -> None:
    source = SERVERS[server].replace("\n        ", "\n")
    assert patched(MEET + source) == ["[(200, b'hi'), (200, b'hi')]", "True"]
