"""The stdlib's ``socket`` for tasks: the same names, signatures and errors.

Owns: the green ``socket`` class. Must not know: patching, ssl.

A green socket's descriptor is always non-blocking. Its timeout lives in ``_state``, the native
half, which makes the system calls of recv and send and parks on EAGAIN. What has no native form
goes through ``call_read`` and ``call_write``, which try the original method and park likewise.
"""

from __future__ import annotations

import _socket
import os
import socket as _stdlib
from collections.abc import Callable, Iterable
from errno import EAGAIN, EALREADY, EINPROGRESS, EISCONN
from typing import IO, TYPE_CHECKING, Any

from weft import dns
from weft._buffers import green_io as io  # noqa: F401 - for the stdlib's functions, copied below
from weft._core import _socket as _native
from weft._core._api import sleep, spend
from weft._core._fds import closing
from weft._counterpart import builtin, rebound, take_over

# Bound here: whatever is patched later, these are the originals.
_original = _socket.socket
_close = _socket.close
_sendfile: Callable[[int, int, int, int], int] | None = getattr(os, "sendfile", None)
_raw_family = _original.__dict__["family"].__get__
_raw_type = _original.__dict__["type"].__get__

# With these flags the kernel never waits, so neither does a socket without timeout.
_NEVER_WAIT = _socket.MSG_DONTWAIT | getattr(_socket, "MSG_ERRQUEUE", 0)
# A Unix socket whose peer accepts too slowly is tried again after so many seconds, doubled up to
# the last: the kernel tells nobody that there is room again.
_FIRST_RETRY, _LAST_RETRY = 0.001, 0.05


class socket(_stdlib.socket):  # noqa: N801 - the stdlib's name
    """A socket whose operations park the calling task instead of blocking its thread.

    Everything is as with :class:`socket.socket`: constructor, timeouts, errors. Several tasks may
    use it at once, one reading while another writes. Closing it raises EBADF at once in every
    task that waits on it.

    Example:
      >>> from weft import socket, spawn
      >>> a, b = socket.socketpair()
      >>> reader = spawn(b.recv, 10)
      >>> a.send(b"hello")
      5
      >>> reader.result()
      b'hello'
    """

    __slots__ = ("_state",)

    def __init__(
        self,
        family: int = -1,
        type: int = -1,  # noqa: A002 - the stdlib's name
        proto: int = -1,
        fileno: int | None = None,
    ) -> None:
        super().__init__(family, type, proto, fileno)
        timeout = _original.gettimeout(self)
        _original.setblocking(self, False)
        self._state = _native.SocketState(
            _original.fileno(self), _raw_family(self), _raw_type(self), timeout
        )

    # -- timeouts ---------------------------------------------------------------------------

    def gettimeout(self) -> float | None:
        """Seconds an operation may take; None for ever, 0.0 when it never waits."""
        return self._state.timeout

    def settimeout(self, value: float | None, /) -> None:
        """Let operations take ``value`` seconds; None for ever, 0 to never wait."""
        state = self._state
        usual = value is None or (type(value) in (int, float) and 0 <= value < 1e9)
        # Drivers set one for every packet: where nothing but a number changes, no call is made.
        if usual and state.fd >= 0 and not state.lent:
            state.timeout = value
        else:
            self._settimeout(value, usual)

    def _settimeout(self, value: float | None, usual: bool) -> None:
        if not usual:
            # The original judges.
            _original.settimeout(self, value)
            value = _original.gettimeout(self)
        # Also fails, as it should, when the descriptor is no longer open.
        _original.setblocking(self, False)
        self._state.timeout = value
        if value is None and self._state.lent:
            # The original's own timeout stays 0: whatever it is asked, it does not wait.
            os.set_blocking(self._state.fd, True)

    @property
    def timeout(self) -> float | None:
        """What :meth:`gettimeout` returns."""
        return self._state.timeout

    def setblocking(self, flag: bool, /) -> None:
        """``settimeout(None)`` if ``flag`` else ``settimeout(0)``."""
        self._settimeout(None if flag else 0.0, True)

    def getblocking(self) -> bool:
        """Whether operations wait at all."""
        return self._state.timeout != 0

    # -- connections ------------------------------------------------------------------------

    def accept(self) -> tuple[socket, Any]:
        """Wait for a connection; returns a new socket for it and the peer's address.

        Parks: unless a connection is pending. Threads: any.
        """
        fd, address = _native.call_read(self, _original._accept)  # type: ignore[attr-defined]
        return socket(_raw_family(self), _raw_type(self), self.proto, fileno=fd), address

    def bind(self, address: Any, /) -> None:
        """Bind to a local address. Parks: only to look a host name up."""
        super().bind(self._looked_up(address))

    def connect(self, address: Any, /) -> None:
        """Connect to ``address``.

        Raises:
          TimeoutError: the timeout passed, host name look-up not counted.
          OSError: the connection was refused, or the like.

        Parks: until the connection is made. Threads: any.
        """
        error = self._connect(self._looked_up(address))
        if error:
            raise OSError(error, os.strerror(error))

    def connect_ex(self, address: Any, /) -> int:
        """As :meth:`connect`, but returns the error number, 0 for success."""
        address = self._looked_up(address)
        try:
            return self._connect(address)
        except TimeoutError:
            return EAGAIN
        except OSError as error:
            if error.errno is None:
                raise
            return error.errno

    def _connect(self, address: Any) -> int:
        state = self._state
        deadline = state.deadline()
        spend()
        error = _original.connect_ex(self, address)
        if state.timeout == 0:
            return error
        if error == EAGAIN and state.timeout is None and state.family == _stdlib.AF_UNIX:
            return self._connect_when_room(address)
        # In the kernel's blocking connect a connection under way is waited for.
        waits = (EINPROGRESS, EALREADY) if state.timeout is None else (EINPROGRESS,)
        if error not in waits:
            return error
        while error in (EINPROGRESS, EALREADY):
            state.wait_write_until(deadline)
            # What went wrong is told once; then asking again tells success from a false alarm.
            error = self.getsockopt(_stdlib.SOL_SOCKET, _stdlib.SO_ERROR)
            error = error or _original.connect_ex(self, address)
        return 0 if error == EISCONN else error

    def _connect_when_room(self, address: Any) -> int:
        error, pause = EAGAIN, _FIRST_RETRY
        while error == EAGAIN:
            sleep(pause)
            pause = min(2 * pause, _LAST_RETRY)
            error = _original.connect_ex(self, address)
        return error

    def _looked_up(self, address: Any) -> Any:
        return dns.resolved(_raw_family(self), address)

    # -- data -------------------------------------------------------------------------------

    recv = _native.recv
    recv_into = _native.recv_into
    send = _native.send
    sendall = _native.sendall

    def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Any]:
        """Receive up to ``bufsize`` bytes and the sender's address. Parks: until there are any."""
        if flags & _NEVER_WAIT and self._state.timeout is None:
            return _original.recvfrom(self, bufsize, flags)
        return _native.call_read(self, _original.recvfrom, bufsize, flags)

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Any]:
        """As :meth:`recvfrom`, into a buffer; returns the number of bytes. Parks likewise."""
        if flags & _NEVER_WAIT and self._state.timeout is None:
            return _original.recvfrom_into(self, buffer, nbytes, flags)
        return _native.call_read(self, _original.recvfrom_into, buffer, nbytes, flags)

    def recvmsg(self, bufsize: int, ancbufsize: int = 0, flags: int = 0, /) -> Any:
        """Receive data and ancillary data. Parks: until there is something."""
        if flags & _NEVER_WAIT and self._state.timeout is None:
            return _original.recvmsg(self, bufsize, ancbufsize, flags)
        return _native.call_read(self, _original.recvmsg, bufsize, ancbufsize, flags)

    def recvmsg_into(self, buffers: Iterable[Any], ancbufsize: int = 0, flags: int = 0, /) -> Any:
        """Receive data, scattered into ``buffers``, and ancillary data. Parks likewise."""
        buffers = _kept(buffers)
        if flags & _NEVER_WAIT and self._state.timeout is None:
            return _original.recvmsg_into(self, buffers, ancbufsize, flags)
        return _native.call_read(self, _original.recvmsg_into, buffers, ancbufsize, flags)

    def sendto(self, data: Any, *flags_and_address: Any) -> int:
        """``sendto(data[, flags], address)``: send a datagram. Parks: until there is room."""
        arguments = data, *flags_and_address
        if len(arguments) in (2, 3):
            arguments = *arguments[:-1], self._looked_up(arguments[-1])
        if len(arguments) == 3 and self._state.timeout is None and arguments[1] & _NEVER_WAIT:
            return _original.sendto(self, *arguments)
        return _native.call_write(self, _original.sendto, *arguments)

    def sendmsg(
        self,
        buffers: Iterable[Any],
        ancdata: Iterable[Any] = (),
        flags: int = 0,
        address: Any = None,
        /,
    ) -> int:
        """Send ``buffers`` gathered, with ancillary data. Parks: until there is room."""
        message = _kept(buffers), _kept(ancdata), flags, self._looked_up(address)
        if self._state.timeout is not None:
            return _native.call_write(self, _original.sendmsg, *message)
        if flags & _NEVER_WAIT:
            return _original.sendmsg(self, *message)
        sent = _native.call_write(self, _original.sendmsg, *message)
        rest = sum(memoryview(each).nbytes for each in message[0]) - sent
        if rest and self._state.type == _stdlib.SOCK_STREAM:
            # All of it, as the kernel does on a blocking descriptor.
            self.sendall(b"".join(message[0])[sent:], flags)
            sent += rest
        return sent

    if hasattr(_original, "sendmsg_afalg"):

        def sendmsg_afalg(self, *arguments: Any, **named: Any) -> int:
            """Send a message to the kernel's crypto interface. Parks: until there is room."""

            def send(sock: socket, *arguments: Any) -> int:
                return _original.sendmsg_afalg(sock, *arguments, **named)

            return _native.call_write(self, send, *arguments)

    def _sendfile_use_sendfile(
        self, file: IO[bytes], offset: int = 0, count: int | None = None
    ) -> int:
        """The part of :meth:`sendfile` that has the kernel copy the file."""
        self._check_sendfile_params(file, offset, count)  # type: ignore[attr-defined]
        state = self._state
        source, size = _file_to_send(file)
        if not size:
            return 0
        if state.timeout == 0:
            raise ValueError("non-blocking sockets are not supported")
        sent = 0
        try:
            while count is None or sent < count:
                # More at once does not fit the system call's argument everywhere (bpo-38319).
                block = min(size if count is None else count - sent, 2**30)
                copied = self._sendfile_once(source, offset + sent, block, sent == 0)
                if copied == 0:
                    break
                sent += copied
            return sent
        finally:
            if sent > 0 and hasattr(file, "seek"):
                file.seek(offset + sent)

    def _sendfile_once(self, source: int, offset: int, block: int, is_first: bool) -> int:
        assert _sendfile is not None
        while True:
            spend()
            try:
                return _sendfile(self._state.fd, source, offset, block)
            except BlockingIOError:
                self._state.wait_write()
            except OSError as error:
                if is_first:
                    raise _stdlib._GiveupOnSendfile(error) from None  # type: ignore[attr-defined]
                raise

    # It finds weft's buffered files in ``io``.
    makefile = rebound(_stdlib.socket.makefile, globals())

    # -- the end ----------------------------------------------------------------------------

    def _real_close(self, *arguments: Any) -> None:
        self._state.closing()
        super()._real_close(*arguments)  # type: ignore[misc]

    def detach(self) -> int:
        """Give the descriptor away; whoever waits on it gets EBADF.

        As with the stdlib's, it is a blocking one if the socket had no timeout.
        """
        state = self._state
        if state.fd >= 0 and state.timeout is None:
            try:
                _original.setblocking(self, True)
            except OSError:
                pass  # closed behind the socket's back; its number is given away all the same
        state.closing()
        return super().detach()


def _kept(items: Iterable[Any]) -> Any:
    """``items`` as something that a second try finds complete."""
    return items if isinstance(items, (list, tuple)) or not hasattr(items, "__next__") else [*items]


def _file_to_send(file: IO[bytes]) -> tuple[int, int]:
    """Descriptor and size of ``file``; gives up if it is not the kernel's."""
    give_up = _stdlib._GiveupOnSendfile  # type: ignore[attr-defined]
    if _sendfile is None:
        raise give_up("os.sendfile() not available on this platform")
    try:
        fd = file.fileno()
        return fd, os.fstat(fd).st_size
    except (AttributeError, OSError) as error:
        raise give_up(error) from None


@builtin
def close(fd: int, /) -> None:
    """Close a socket's descriptor; whoever waits on it gets EBADF."""
    closing(fd)
    _close(fd)


getaddrinfo = dns.getaddrinfo
gethostbyname = dns.gethostbyname
gethostbyname_ex = dns.gethostbyname_ex
gethostbyaddr = dns.gethostbyaddr
getnameinfo = dns.getnameinfo


take_over(_stdlib, globals())
__all__ = _stdlib.__all__

if TYPE_CHECKING:
    # What is not defined above.
    from socket import *  # type: ignore[assignment]  # noqa: F403
