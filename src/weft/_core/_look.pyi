from types import FrameType
from typing import Any

from weft._core._task import Task

def look(
    task: Task[Any],
) -> tuple[str, str, str | None, Any, float | None, list[tuple[FrameType, int]]]: ...
def timeouts() -> dict[Task[Any], float]: ...
