"""Through a connection to somewhere else: ports forwarded both ways, a jump host, ProxyCommand."""

import logging
import shutil
import socket
import socketserver
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko
from ssh_login import HOST, KEY, PORT, USER, ask, connect

# A channel that cannot be opened is logged as well as raised.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(b"echo " + line)


def call(sock) -> str:
    """Send a line by a socket or a channel; what comes back."""
    with sock:
        sock.sendall(b"hello\n")
        sock.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: sock.recv(100), b"")).decode().strip()


def straight(client: paramiko.SSHClient, address: tuple[str, int]) -> str:
    return call(client.get_transport().open_channel("direct-tcpip", address, ("localhost", 0)))


def reverse(client: paramiko.SSHClient) -> list[str]:
    """Ten connections to a port of the server's, each answered here."""
    transport = client.get_transport()
    port = transport.request_port_forward("127.0.0.1", 0)

    def answer(channel: paramiko.Channel) -> None:
        with channel, channel.makefile("rwb") as file:
            file.write(b"from here: " + file.readline())

    def accept() -> None:
        for _ in range(10):
            threading.Thread(target=answer, args=(transport.accept(20),)).start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda _: call(socket.create_connection((HOST, port))), range(10)))
    accepting.join()
    transport.cancel_port_forward("127.0.0.1", port)
    try:
        socket.create_connection((HOST, port)).close()
    except ConnectionRefusedError:
        found.append("closed")
    return found


def jump(client: paramiko.SSHClient, number: int) -> str:
    """A connection to another host, which is the same one, through a channel of the first."""
    channel = client.get_transport().open_channel("direct-tcpip", (HOST, PORT), ("", 0))
    with connect(sock=channel) as beyond:
        return ask(beyond, f"echo {number}; seq 100000 >&2")[1].strip()


with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server, connect() as client:
    threading.Thread(target=server.serve_forever).start()
    with ThreadPoolExecutor(10) as pool:
        print(set(pool.map(lambda _: straight(client, server.server_address), range(10))))
        print(*pool.map(lambda number: jump(client, number), range(10)))
    print(*sorted(set(reverse(client))), sep=", ")
    server.shutdown()
    server.server_close()
    try:
        straight(client, server.server_address)
    except paramiko.ChannelException as error:
        print(error)

    options = f"-i {KEY} -p {PORT} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    command = f"{shutil.which('ssh')} {options} -q -W {HOST}:{PORT} {USER}@{HOST}"
    proxy = paramiko.ProxyCommand(command)
    with connect(sock=proxy) as client:
        print(*ask(client, "echo by command"))
        transport = client.get_transport()
    # It ends the command.
    transport.join()
    proxy.process.wait()
