"""Makes the stdlib's ``ssl`` wrap in weft's SSLSocket.

SSLContext stays what it is: its property setters name themselves by ``super(SSLContext,
SSLContext)`` and recurse for ever once another class goes by that name (gevent#1016). What is
replaced is the class of the sockets it makes, so that contexts and subclasses of it that were made
before the patch make green sockets as well. Module functions need nothing: they use both.
"""

import ssl
from typing import Any

from weft import ssl as green
from weft.patch._registry import replace


def patch() -> None:
    """Make :mod:`ssl` cooperative."""
    original = ssl.SSLSocket
    _make_green(original)
    replace(ssl, "SSLSocket", green.SSLSocket)
    if ssl.SSLContext.sslsocket_class is original:
        ssl.SSLContext.sslsocket_class = green.SSLSocket


def _make_green(original: Any) -> None:
    """Have classes that were derived from the original SSLSocket make green sockets, too."""
    create = original.__dict__["_create"].__func__

    def _create(cls: Any, *arguments: Any, **options: Any) -> Any:
        return create(green.green_class(cls), *arguments, **options)

    original._create = classmethod(_create)
