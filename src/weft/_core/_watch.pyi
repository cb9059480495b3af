from collections.abc import Callable

from weft._core._task import Task

def watch(
    seconds: float, function: Callable[[Task | None, str, float, float], object] | None = None
) -> None: ...
def thread_count() -> int: ...
