"""Puts weft's ``socket`` class and resolver functions into the stdlib's ``socket``.

The rest of the module is Python code that looks these up as it runs: ``create_connection``,
``create_server``, ``socketpair``, ``fromfd``, ``getfqdn`` become cooperative with them.
"""

import socket
import sys
from typing import Any

from weft import socket as green
from weft.patch import _kept, _late
from weft.patch._registry import replace

NAMES = (
    "socket",
    "close",
    "getaddrinfo",
    "gethostbyname",
    "gethostbyname_ex",
    "gethostbyaddr",
    "getnameinfo",
)


STOPS = "stops his whole thread"


def open_before(found: Any) -> str:
    """What to say of a socket that was made before the patch; "" of a closed one."""
    return "" if found.fileno() < 0 else f"a socket made before: who waits for it {STOPS}"


def patch() -> None:
    """Make :mod:`socket` cooperative."""
    try:
        # Its SSLSocket must derive from the original class: on the green one's descriptor, which
        # never waits, it works only when ``ssl`` is patched as well.
        import ssl  # noqa: F401
    except ImportError:
        pass  # Python was built without it
    original = socket.socket
    _late.kinds.append(_late.Kind(original, "socket", None, open_before))
    _kept.adopt_heirs(original, green.socket, "who waits for one of its sockets " + STOPS)
    for name in NAMES:
        replace(socket, name, getattr(green, name))
    reduction = sys.modules.get("multiprocessing.reduction")
    if reduction is not None:
        # It knew only the original class when it was imported.
        reduction.register(green.socket, reduction._reduce_socket)
