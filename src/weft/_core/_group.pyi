from collections.abc import Callable
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, final

from weft._core._task import Canceller, Task

_P = ParamSpec("_P")
_T = TypeVar("_T")

@final
class Group(Canceller):
    def __init__(self, *args: object, **kwargs: object) -> None: ...
    def spawn(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Task[_T]: ...
    def cancel(self, msg: str | None = None) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def tasks(self) -> list[Task[Any]]: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool: ...

def group(limit: int | None = None, name: str | None = None) -> Group: ...
