"""Host name look-up for tasks: the resolver functions of the stdlib's ``socket``.

Owns nothing and caches nothing. The C library's resolver blocks, so it runs in a thread of
:mod:`weft._offload` while the calling task parks. What is certain not to ask anybody, because the
address is numeric, is answered at once.
"""

from __future__ import annotations

import _socket
import socket as _stdlib
from socket import AddressFamily, SocketKind
from typing import Any

from weft import _offload
from weft._counterpart import builtin

# Bound here: whatever is patched later, these are the originals.
_getaddrinfo = _socket.getaddrinfo
_gethostbyname = _socket.gethostbyname
_gethostbyname_ex = _socket.gethostbyname_ex
_gethostbyaddr = _socket.gethostbyaddr
_getnameinfo = _socket.getnameinfo
_as_enum = _stdlib._intenum_converter  # type: ignore[attr-defined]

_INTERNET = (_stdlib.AF_INET, _stdlib.AF_INET6)
_NUMERIC_NAMES = _stdlib.NI_NUMERICHOST | _stdlib.NI_NUMERICSERV


def getaddrinfo(
    host: bytes | str | None,
    port: bytes | str | int | None,
    family: int = 0,
    type: int = 0,  # noqa: A002 - the stdlib's name
    proto: int = 0,
    flags: int = 0,
) -> list[tuple[AddressFamily, SocketKind, int, str, tuple[Any, ...]]]:
    """Resolve host and port; as :func:`socket.getaddrinfo`.

    Raises:
      gaierror: there is no such host or service.
      Cancelled: the task was cancelled; the look-up goes on, unheard.

    Parks: unless host and port are numeric. Threads: any.
    """
    found = _addresses(host, port, family, type, proto, flags)
    return [
        (_as_enum(family, AddressFamily), _as_enum(kind, SocketKind), proto, name, address)
        for family, kind, proto, name, address in found
    ]


@builtin
def gethostbyname(hostname: str, /) -> str:
    """The IPv4 address of a host. Parks: unless it is numeric."""
    if _is_address(_stdlib.AF_INET, hostname):
        return _gethostbyname(hostname)
    return _offload.run(_gethostbyname, hostname)


@builtin
def gethostbyname_ex(hostname: str, /) -> tuple[str, list[str], list[str]]:
    """True name, aliases and IPv4 addresses of a host. Parks: always."""
    return _offload.run(_gethostbyname_ex, hostname)


@builtin
def gethostbyaddr(ip_address: str, /) -> tuple[str, list[str], list[str]]:
    """True name, aliases and addresses of the host with an address. Parks: always."""
    return _offload.run(_gethostbyaddr, ip_address)


@builtin
def getnameinfo(sockaddr: tuple[Any, ...], flags: int, /) -> tuple[str, str]:
    """Host and service of an address. Parks: unless both are wanted as numbers."""
    numeric = isinstance(flags, int) and flags & _NUMERIC_NAMES == _NUMERIC_NAMES
    if numeric or not isinstance(sockaddr, tuple):
        return _getnameinfo(sockaddr, flags)
    return _offload.run(_getnameinfo, sockaddr, flags)


def resolved(family: int, address: Any) -> Any:
    """``address`` with its host name looked up, for a system call that would block on it.

    Args:
      family: the socket's.
      address: what the user gave; if it is wrong, the system call is to say so.

    Parks: only to look a name up.
    """
    if family not in _INTERNET or not isinstance(address, tuple) or len(address) < 2:
        return address
    host, port = address[:2]
    if not isinstance(host, (str, bytes, bytearray)) or not isinstance(port, int):
        return address
    if _is_address(family, host):
        return address
    # As the C code does it: the first address of that family, whatever the type.
    found = _addresses(host, None, family, 0, 0, 0)
    return (found[0][4][0], *address[1:])


def _addresses(
    host: Any, port: Any, family: int, kind: int, proto: int, flags: int
) -> list[tuple[int, int, int, str, tuple[Any, ...]]]:
    if _may_be_numeric(host) and _is_port(port):
        try:
            return _getaddrinfo(host, port, family, kind, proto, flags | _stdlib.AI_NUMERICHOST)
        except _stdlib.gaierror:
            pass  # a name after all, or an error that the full look-up words better
    return _offload.run(_getaddrinfo, host, port, family, kind, proto, flags)


def _may_be_numeric(host: Any) -> bool:
    if not isinstance(host, str):
        return host is None
    return ":" in host or host[:1].isdigit()


def _is_port(port: Any) -> bool:
    return port is None or isinstance(port, int) or (isinstance(port, str) and port.isdecimal())


def _is_address(family: int, host: str | bytes | bytearray) -> bool:
    """Whether the C code takes ``host`` for an address without asking the resolver."""
    if not isinstance(host, str):
        host = host.decode("latin-1")
    if host in ("", "<broadcast>"):
        return True
    try:
        _stdlib.inet_pton(family, host)
    except (OSError, ValueError):
        return False
    return True
