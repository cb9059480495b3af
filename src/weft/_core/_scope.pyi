from types import TracebackType
from typing import Literal, final

from typing_extensions import Self

from weft._core._task import Canceller

@final
class Timeout(Canceller):
    def __init__(self, *args: object, **kwargs: object) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool: ...
    deadline: float
    @property
    def expired(self) -> bool: ...

@final
class Shield:
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]: ...

def timeout(seconds: float | None, /) -> Timeout: ...
def timeout_at(deadline: float, /) -> Timeout: ...
def move_on_after(seconds: float | None, /) -> Timeout: ...
def shield() -> Shield: ...
