from typing import Any, Generic, TypeVar

from typing_extensions import disjoint_base

from weft._core._waits import Selectable

_T = TypeVar("_T")

@disjoint_base
class Exchange(Selectable): ...

@disjoint_base
class Offer(Selectable, Generic[_T]):
    @property
    def exchange(self) -> Any: ...
    @property
    def item(self) -> _T: ...
