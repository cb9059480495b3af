from collections.abc import Callable, Iterable
from types import CodeType
from typing import Any, TypeVar, final

from weft._core._semaphore import Semaphore
from weft._core._task import Canceller, Task

_T = TypeVar("_T")

@final
class Crew(Canceller):
    def __init__(
        self, what: str, place: tuple[CodeType, int], places: Semaphore | None = None
    ) -> None: ...
    def spawn(
        self,
        place: tuple[CodeType, int],
        fn: Callable[..., _T],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Task[_T]: ...
    def take(self) -> Task[Any] | None: ...
    def cancel(self, reason: str, tasks: Iterable[Task[Any]] | None = None) -> None: ...
    def abandon(self, reason: str) -> None: ...
    @property
    def tasks(self) -> list[Task[Any]]: ...
    def oldest(self) -> Task[Any] | None: ...
    def holders(self) -> list[Task[Any]]: ...
