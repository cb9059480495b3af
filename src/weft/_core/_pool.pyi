from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import TypeVar

from typing_extensions import disjoint_base

_T = TypeVar("_T")

LIMIT: int

@disjoint_base
class Call: ...

@disjoint_base
class Worker: ...

def call_in_thread(
    function: Callable[..., _T],
    args: tuple[object, ...],
    kwargs: dict[str, object] | None,
    context: Context | None = None,
) -> _T: ...
def start_in_thread(function: Callable[..., object], *args: object) -> None: ...

backlog: deque[Call]

def statistics() -> dict[str, int]: ...
