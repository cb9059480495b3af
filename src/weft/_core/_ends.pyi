# The rest is nothing for Python code: the module puts itself into the hub's hooks.
from weft._core._task import Task

def uncollected() -> list[Task]: ...
