from types import GenericAlias, TracebackType
from typing import Any, Generic, Literal, Self, final

from typing_extensions import TypeVar

from weft._core._task import Canceller

# What its __exit__ returns: a type checker goes on after a block that may swallow an exception.
_Swallows_co = TypeVar("_Swallows_co", bound=bool, default=bool, covariant=True)

@final
class Timeout(Canceller, Generic[_Swallows_co]):
    def __init__(self, *args: object, **kwargs: object) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> _Swallows_co: ...
    deadline: float
    @property
    def expired(self) -> bool: ...
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...

@final
class Shield:
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]: ...

def timeout(seconds: float | None, /) -> Timeout[Literal[False]]: ...
def timeout_at(deadline: float, /) -> Timeout[Literal[False]]: ...
def move_on_after(seconds: float | None, /) -> Timeout[bool]: ...
def shield() -> Shield: ...
