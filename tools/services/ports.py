"""Free ports on the loopback interface, and the first question one asks a server."""

import random
import socket

HOST = "127.0.0.1"
# Below the range of which the kernel gives a client its own port (from 32768 up): there, one of
# a killed server's clients that keeps coming back may take the port, or even meet itself on it.
CHOICE = range(15000, 32000)


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` now."""
    with socket.socket() as sock:
        # As the servers do, who may come back while old connections linger.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, port))
            sock.listen()
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that nobody listens on now."""
    while True:
        port = random.choice(CHOICE)
        if is_free(port):
            return port


def ask(port: int, question: bytes, length: int) -> bytes:
    """The first ``length`` bytes of what the server on ``port`` says, to ``question`` if any.

    Less, or nothing, when it closes the connection, refuses it, or is silent for a second.
    """
    answer = b""
    try:
        with socket.create_connection((HOST, port), timeout=1) as sock:
            sock.sendall(question)
            while len(answer) < length:
                more = sock.recv(length - len(answer))
                if not more:
                    break
                answer += more
    except OSError:
        pass
    return answer
