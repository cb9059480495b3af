from typing import TypeVar

from weft._core._queue import Queue

_T = TypeVar("_T")

class PriorityQueue(Queue[_T]): ...
