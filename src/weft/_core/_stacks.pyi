from typing import TypedDict

class _Statistics(TypedDict):
    installed: bool
    slabs: int
    free_slabs: int

def install() -> None: ...
def statistics() -> _Statistics: ...
