from collections.abc import Callable
from typing import Any

def opener(native: Callable[..., Any], open_fd: Callable[..., Any]) -> Callable[..., Any]: ...
