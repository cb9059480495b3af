"""Makes the stdlib's ``ssl`` wrap in weft's SSLSocket.

SSLContext stays what it is: its property setters name themselves by ``super(SSLContext,
SSLContext)`` and recurse for ever once another class goes by that name (gevent#1016). What is
replaced is the class of the sockets it makes, so that contexts and subclasses of it that were made
before the patch make green sockets as well. Module functions need nothing: they use both.
"""

from collections.abc import Callable
from typing import Any

from weft.patch import _late
from weft.patch._registry import put, replace
from weft.patch._socket import open_before


def patch() -> None:
    """Make :mod:`ssl` cooperative, if Python was built with it."""
    try:
        import ssl
    except ImportError:
        return
    from weft import ssl as green

    original = ssl.SSLSocket
    _late.kinds.append(_late.Kind(original, "socket", None, open_before))
    _make_green(original, green.green_class)
    replace(ssl, "SSLSocket", green.SSLSocket)
    if ssl.SSLContext.sslsocket_class is original:
        put(ssl.SSLContext, "sslsocket_class", green.SSLSocket)


def _make_green(original: Any, green_class: Callable[[Any], Any]) -> None:
    """Have classes that were derived from the original SSLSocket make green sockets, too."""
    create = original.__dict__["_create"].__func__

    def _create(cls: Any, *arguments: Any, **options: Any) -> Any:
        return create(green_class(cls), *arguments, **options)

    put(original, "_create", classmethod(_create))
