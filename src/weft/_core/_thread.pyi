from collections.abc import Callable
from types import FrameType
from typing import Any

from weft._core._task import Task

def thread_failed(error: BaseException, function: Callable[..., object]) -> None: ...
def spawned_by(task: Task[Any], frame: FrameType) -> None: ...
