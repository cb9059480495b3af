from typing import Any

from weft._core._waits import Selectable

def choose(*cases: Selectable, seconds: float | None = None) -> tuple[Selectable, Any]: ...
