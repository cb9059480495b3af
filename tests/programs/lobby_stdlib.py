"""A web server of the stdlib's: in its lobby all wait until all twenty guests are there."""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

lobby = threading.Barrier(20)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        text = self.page(url.path, parse_qs(url.query)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def page(self, path: str, query: dict[str, list[str]]) -> str:
        if path == "/waiting":
            return str(lobby.n_waiting)
        if path == "/meet":
            lobby.wait(timeout=30)
            return "met all"
        return f"hello {query.get('name', ['stranger'])[0]}"


with ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler) as server:
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print("closing")
