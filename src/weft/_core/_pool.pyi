from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")

LIMIT: int

def call_in_thread(
    function: Callable[..., _T], args: tuple[object, ...], kwargs: dict[str, object] | None
) -> _T: ...
def statistics() -> dict[str, int]: ...
