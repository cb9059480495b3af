from typing import Any, Generic, Self, TypeVar, final

from typing_extensions import disjoint_base

from weft._core._waits import Selectable

_T = TypeVar("_T")

@disjoint_base
class Exchange(Selectable): ...

@final
class Offer(Selectable, Generic[_T]):
    def __new__(cls, exchange: Exchange, item: _T) -> Self: ...
    @property
    def exchange(self) -> Any: ...
    @property
    def item(self) -> _T: ...
