"""The green socket class and module beside the stdlib's: names, marks, subclasses, copies."""

import copy
import inspect
import os
import pickle
import socket as stdlib
import weakref
from unittest import mock

import pytest

import weft
from weft import socket

SECONDS = 20


def test_every_name_of_the_stdlib() -> None:
    assert {*dir(stdlib)} <= {*dir(socket)}
    assert socket.__all__ == stdlib.__all__
    assert socket.AF_INET is stdlib.AF_INET
    assert socket.timeout is stdlib.timeout
    assert socket.error is OSError


def test_every_signature_of_the_stdlib() -> None:
    for name, value in vars(stdlib).items():
        if inspect.isfunction(value):
            theirs, ours = inspect.signature(value), inspect.signature(getattr(socket, name))
            assert [*ours.parameters] == [*theirs.parameters]
            assert [p.default for p in ours.parameters.values()] == [
                p.default for p in theirs.parameters.values()
            ]


def test_every_attribute_of_a_socket() -> None:
    assert {*dir(stdlib.socket)} <= {*dir(socket.socket)}


def test_marks() -> None:
    assert socket.socket.__module__ == "weft.socket"
    assert issubclass(socket.socket, stdlib.socket)
    assert socket.SocketType is stdlib.SocketType


def test_repr() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        address = sock.getsockname()
        assert repr(sock) == (
            f"<weft.socket.socket fd={sock.fileno()}, family={socket.AF_INET:d}, "
            f"type={socket.SOCK_STREAM:d}, proto=0, laddr={address}>"
        )
    assert repr(sock) == (
        f"<weft.socket.socket [closed] fd=-1, family={socket.AF_INET:d}, "
        f"type={socket.SOCK_STREAM:d}, proto=0>"
    )


def test_family_and_type_are_enums() -> None:
    with socket.socket() as sock:
        assert sock.family is socket.AddressFamily.AF_INET
        assert sock.type is socket.SocketKind.SOCK_STREAM


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_it_cannot_be_copied_or_pickled(duplicate) -> None:
    with socket.socket() as sock, pytest.raises(TypeError, match="cannot pickle 'socket' object"):
        duplicate(sock)


def test_it_can_be_referenced_weakly() -> None:
    with socket.socket() as sock:
        assert weakref.ref(sock)() is sock


@pytest.mark.parametrize(
    ("arguments", "error"),
    [((9999,), OSError), (("x",), TypeError), ((2, 1, 0, -1), ValueError), ((2, 99), OSError)],
)
def test_a_constructor_that_fails(arguments, error) -> None:
    with pytest.raises(error):
        socket.socket(*arguments)


def test_a_descriptor_that_is_no_socket() -> None:
    with open(os.devnull) as file, pytest.raises(OSError, match="Socket operation on non-socket"):
        socket.socket(fileno=file.fileno())


class Named(socket.socket):
    """A subclass with attributes and a constructor of its own."""

    def __init__(self, name: str, *arguments, **keywords) -> None:
        super().__init__(*arguments, **keywords)
        self.name = name

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        return b"<" + super().recv(bufsize, flags) + b">"


def test_a_subclass() -> None:
    one, other = socket.socketpair()
    with one, Named("mine", fileno=other.detach()) as sock:
        task = weft.spawn(sock.recv, 10)
        weft.checkpoint()
        one.send(b"x")
        assert task.result(SECONDS) == b"<x>"
        assert sock.name == "mine"
        assert type(sock).__name__ in repr(sock)


def test_a_subclass_accepts_plain_sockets() -> None:
    server = Named("server")
    with server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with socket.create_connection(server.getsockname()), server.accept()[0] as accepted:
            assert type(accepted) is socket.socket


class TestAccept:
    def test_it_parks(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            task = weft.spawn(server.accept)
            weft.checkpoint()
            assert task.wait_kind == "read"
            with socket.create_connection(server.getsockname()) as client:
                accepted, address = task.result(SECONDS)
                with accepted:
                    assert address == client.getsockname()
                    assert type(accepted) is socket.socket
                    assert (accepted.family, accepted.type) == (client.family, client.type)

    def test_several_tasks_on_one_listener(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            tasks = [weft.spawn(server.accept) for _ in range(10)]
            weft.checkpoint()
            clients = [socket.create_connection(server.getsockname()) for _ in tasks]
            addresses = set()
            for task in tasks:
                accepted, address = task.result(SECONDS)
                accepted.close()
                addresses.add(address)
            assert addresses == {client.getsockname() for client in clients}
            for client in clients:
                client.close()


class TestFunctions:
    def test_socketpair(self) -> None:
        for arguments in ((), (socket.AF_UNIX, socket.SOCK_DGRAM)):
            one, other = socket.socketpair(*arguments)
            with one, other:
                assert type(one) is type(other) is socket.socket
                one.send(b"x")
                assert other.recv(1) == b"x"

    def test_fromfd_and_dup(self) -> None:
        one, other = socket.socketpair()
        with one, other:
            again = socket.fromfd(other.fileno(), other.family, other.type)
            with again, other.dup() as third:
                assert type(again) is type(third) is socket.socket
                tasks = [weft.spawn(sock.recv, 1) for sock in (other, again, third)]
                weft.checkpoint()
                one.send(b"123")
                results = sorted(task.result(SECONDS) for task in tasks)
                assert results == [b"1", b"2", b"3"]
                other.close()
                reader = weft.spawn(again.recv, 1)
                weft.checkpoint()
                one.send(b"x")
                assert reader.result(SECONDS) == b"x"

    def test_create_connection_makes_what_socket_names(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            with socket.create_connection(server.getsockname()) as sock:
                assert type(sock) is socket.socket

            class Refuses(socket.socket):
                def connect(self, address) -> None:
                    raise PermissionError("mocked")

            with (
                mock.patch.object(socket, "socket", Refuses),
                pytest.raises(PermissionError, match="mocked"),
            ):
                socket.create_connection(server.getsockname())

    def test_create_server_of_both_stacks(self) -> None:
        assert socket.has_dualstack_ipv6() == stdlib.has_dualstack_ipv6()
        if not socket.has_dualstack_ipv6():
            with pytest.raises(ValueError, match="dualstack"):
                socket.create_server(("", 0), dualstack_ipv6=True)
            return
        server = socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        with server:
            port = server.getsockname()[1]
            for host in ("127.0.0.1", "::1"):
                with socket.create_connection((host, port)), server.accept()[0] as accepted:
                    assert type(accepted) is socket.socket

    def test_builtins_do_not_turn_into_methods(self) -> None:
        class Asks:
            close = socket.close
            look_up = socket.gethostbyname

        assert Asks().look_up("127.0.0.1") == "127.0.0.1"
        with pytest.raises(OSError, match="Bad file descriptor"):
            Asks().close(9999)


def test_a_child_process_has_sockets_of_its_own(run_python, tmp_path) -> None:
    program = tmp_path / "fork.py"
    program.write_text("""
import os, weft
from weft import socket

one, other = socket.socketpair()
reader = weft.spawn(other.recv, 10)
weft.checkpoint()
pid = os.fork()
if pid == 0:
    # The parent's reader is not resumed here; this one waits on a poller of the child's.
    reader = weft.spawn(other.recv, 10)
    weft.checkpoint()
    one.send(b"child")
    os._exit(0 if reader.result(20) == b"child" else 1)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
one.send(b"parent")
assert reader.result(20) == b"parent"
print("fine")
""")
    done = run_python(str(program))
    assert (done.stdout, done.stderr) == ("fine\n", "")
