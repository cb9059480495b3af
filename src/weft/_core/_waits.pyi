from typing_extensions import disjoint_base

TIMEOUT_MAX: float

def take_breath() -> None: ...

@disjoint_base
class Selectable: ...

@disjoint_base
class Choice:
    @property
    def cases(self) -> list[Selectable]: ...
