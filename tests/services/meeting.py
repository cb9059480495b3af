"""Commands of a program that meet: none goes on before all of them run."""

import socket

import pytest


class Meeting:
    """Guests come by TCP, from whatever machine; they are let go when ``size`` have come.

    Attributes:
      command: for a shell; it prints "met all" in the end.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=size)
        self.listener.settimeout(40)
        port = self.listener.getsockname()[1]
        # bash connects by itself, so that each guest is one process.
        self.command = f"bash -c 'read words < /dev/tcp/127.0.0.1/{port}; echo $words'"

    def hold(self) -> list[socket.socket]:
        """Wait until all have come.

        Raises:
          pytest.fail.Exception: they do not; it says how many have.
        """
        guests: list[socket.socket] = []
        try:
            while len(guests) < self.size:
                guests.append(self.listener.accept()[0])
        except TimeoutError:
            pytest.fail(f"{len(guests)} met, of {self.size}: they do not run side by side")
        finally:
            self.listener.close()
        return guests


def let_go(guests: list[socket.socket]) -> None:
    """Tell the guests that they may go on."""
    for guest in guests:
        with guest:
            guest.sendall(b"met all\n")
