"""pylibmc: its calls are made in threads, one at a time for each client.

libmemcached waits in C, and a client of it must never be in two threads at once. So a task that
calls one waits until the calls before it have ended. Cancelled, it leaves at once; the call that
has begun goes on to its end, which pylibmc's own timeouts bound, and the client is free again only
then: nobody is ever given the answer to somebody else's question.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from types import ModuleType
from typing import Any

import weft
from weft.patch import _registry

Method = Callable[..., Any]

# They only compute. The library calls the latter two from within its own calls.
DIRECT = ("hash", "serialize", "deserialize")


def patch(module: ModuleType) -> None:
    """Change ``pylibmc.Client`` in place: subclasses, instances and pools follow."""
    kind = module.Client
    for name in vars(module.client._pylibmc.client):
        if not name.startswith("_") and name not in DIRECT:
            put(kind, name, in_turn(getattr(kind, name)))


def put(kind: type, name: str, value: Method) -> None:
    """Set an attribute of ``kind`` that it may have of its own or have inherited."""
    if name in vars(kind):
        _registry.put(kind, name, value)
    else:
        setattr(kind, name, value)
        _registry.undo.append(partial(delattr, kind, name))


def in_turn(direct: Method) -> Method:
    """``direct`` in a thread, as soon as no other call of the client is under way."""

    @wraps(direct)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        turn = vars(self).setdefault("weft_turn", weft.Semaphore(1))
        turn.acquire()
        # In a task of its own, which goes on if the caller is cancelled.
        call = weft.spawn(to_the_end, turn, partial(direct, self, *args, **kwargs))
        value, error = call.result()
        if error is not None:
            raise error
        return value

    return method


def to_the_end(turn: weft.Semaphore, call: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """What ``call`` returns and what it raises, made in a thread; then it is the next one's turn.

    The error is returned, since it is nobody's concern once the caller has left.
    """
    try:
        with weft.shield():
            return weft.offload(call), None
    except Exception as error:
        return None, error
    finally:
        turn.release()
